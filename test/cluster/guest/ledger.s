# A guest in one boot sector that keeps a ledger on its disk, to prove that memory and disk belong together. Needs 8 MiB of RAM, a disk
# of 1 MiB, and a first serial port.
#
# Sector 1 of the disk begins with the number of boots (32 bits). At its start the guest counts it up, and fills 4 MiB from 1 MiB up with
# xorshift32 (13, 17, 5), seeded by that number. Then, 18 times a second, it counts, checks one 64th of that memory against the checksum
# that it had at the start, writes (boot, count) to sector 8 + count mod 1024, and prints on COM1
#   CNT <boot, 4 hex digits> <count, 8 hex digits> OK\r\n     or NO instead of OK if its memory was wrong.
# It uses the BIOS for the disk, and real mode with large segments for the memory.

.include "sector.s"
.set REGION, 0x100000
.set REGION_END, 0x500000
.set CHUNK_WORDS, 0x4000
.set SUMS, 0x8000
.set SECTOR, 0x7e00

.code16
.globl _start
_start:
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    sti
    mov drive, dl
    cld

    mov ah, 0x42                        # how many boots there were
    call disk
    inc dword ptr ds:[SECTOR]
    mov ah, 0x43
    call disk
    mov eax, ds:[SECTOR]
    mov boot, eax

    call large                          # uses BX
    mov ebx, 0x5745a515
    add ebx, boot
    mov edi, REGION
fill:
    xorshift
    mov fs:[edi], ebx
    add edi, 4
    cmp edi, REGION_END
    jne fill

    xor ecx, ecx
sums:
    call sum
    mov SUMS[ecx * 4], eax
    inc cx
    cmp cx, 64
    jne sums

again:
    inc dword ptr count
    mov ecx, count
    and ecx, 63
    call sum
    cmp eax, SUMS[ecx * 4]
    mov ax, 'O' + ('K' << 8)
    je 1f
    mov ax, 'N' + ('O' << 8)
1:  mov verdict, ax

    mov eax, boot
    mov ds:[SECTOR], eax
    mov di, offset boot_end
    mov cl, 4
    call hex
    mov eax, count
    mov ds:[SECTOR + 4], eax
    mov di, offset count_end
    mov cl, 8
    call hex
    mov eax, count
    and eax, 1023
    add eax, 8
    mov lba, eax
    mov ah, 0x43
    call disk

    print_line si
    hlt
    jmp again

disk:                                   # AH: 42 reads, 43 writes
    mov al, 0
    mov dl, drive
    mov si, offset packet
    int 0x13
    jc disk_failed
    ret
disk_failed:
    hlt
    jmp disk_failed

sum:                                    # of chunk ECX, into EAX; keeps ECX, not EBX
    call large
    push ecx
    mov esi, ecx
    shl esi, 16
    add esi, REGION
    mov ecx, CHUNK_WORDS
    mov ebx, CHECKSUM_START
1:  mov eax, fs:[esi]
    checksum ebx
    add esi, 4
    dec ecx
    jnz 1b
    mov eax, ebx
    pop ecx
    ret

large:                                  # lets FS reach 4 GiB
    push eax
    cli
    lgdt gdt_pointer
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp 1f
1:  mov bx, 8
    mov fs, bx
    and al, 0xfe
    mov cr0, eax
    jmp 1f
1:  sti
    pop eax
    ret

    hex_function di

line:
    .ascii "CNT 0000"
boot_end:
    .ascii " 00000000"
count_end:
    .ascii " "
verdict:
    .ascii "OK\r\n"
packet:
    .byte 16, 0
    .word 1
    .word SECTOR, 0
lba:
    .long 1, 0
.balign 4
gdt:
    .quad 0
    .quad 0x00cf92000000ffff            # data, 4 GiB
gdt_pointer:
    .word . - gdt - 1
    .long gdt
boot:
    .long 0
count:
    .long 0
drive:
    .byte 0

    end_of_sector
