# A guest in one boot sector that writes memory all the time and checks it, for saves of a running guest. Needs 16 MiB of RAM and a first serial port.
#
# It goes over `pages` pages from 2 MiB up in passes. In each page it compares the numbers of the last pass, then writes that of the new pass into the first
# and the last word; the second word is the page's address. Each eighth page is all zeros after an odd pass. It stops after each `rate` pages until the next
# timer interrupt; 0: never. About 20 times a second it prints   CNT <counter, 8 hex digits> SUM <7159, or dead once a number was wrong>\r\n   on COM1.
# Tests write `pages` and `rate` into their copy of the sector, at 0x1f0 and 0x1f4.

.intel_syntax noprefix
.set REGION, 0x200000
.set IDT, 0x600
.set CODE, 8
.set DATA, 16
.set COM1, 0x3f8
.set PIT_COUNT, 59659 # of 1193182 Hz: 20 Hz

.code16
.globl _start
_start:
    cli
    xor ax, ax
    mov ds, ax
    in al, 0x92                         # A20, or every odd MiB would be its neighbour
    or al, 2
    out 0x92, al
    lgdt gdt_pointer
    mov eax, cr0
    or al, 1
    mov cr0, eax
    ljmp CODE, offset protected

.code32
protected:
    mov ax, DATA
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, 0x7c00
    cld

    mov edi, IDT + 0x20 * 8             # IRQ 0 to 15 become interrupts 0x20 to 0x2f
    mov ecx, 16
1:  mov dword ptr [edi], offset on_interrupt + (CODE << 16)
    mov dword ptr [edi + 4], 0x8e00
    add edi, 8
    loop 1b
    lidt idt_pointer
    mov esi, offset chip_setup
    xor edx, edx
1:  lodsb
    mov dl, al
    lodsb
    out dx, al
    cmp byte ptr [esi], 0
    jne 1b

    shl dword ptr pages, 12
    add dword ptr pages, REGION         # now the end
    mov edi, REGION
1:  call is_vanishing
    jz 2f
    mov [edi + 4], edi
2:  add edi, 0x1000
    cmp edi, pages
    jb 1b

    sti
    xor ebp, ebp
    mov ecx, rate
pass:
    inc ebp
    mov edi, REGION
page:
    mov eax, ebp                        # the new number
    lea ebx, [ebp - 1]                  # the last one
    mov edx, edi                        # the second word
    call is_vanishing
    jnz 2f
    xor edx, edx
    test al, 1
    jz 1f
    xor eax, eax
    jmp 2f
1:  xor ebx, ebx
2:  cmp [edi], ebx
    jne bad
    cmp [edi + 0xffc], ebx
    jne bad
    cmp [edi + 4], edx
    je good
bad:
    mov dword ptr sum, 'd' + 'e' * 256 + 'a' * 65536 + 'd' * 16777216
good:
    mov [edi], eax
    mov [edi + 0xffc], eax
    loop 3f
    mov ecx, rate
    hlt
3:  mov eax, ticks
    cmp eax, counter
    je 4f
    call print
4:  add edi, 0x1000
    cmp edi, pages
    jb page
    jmp pass

is_vanishing:                           # whether the page at EDI is one of those that become zero; changes no other register
    push edi
    not edi
    test edi, 0x7000
    pop edi
    ret

print:
    pusha
    inc dword ptr counter
    mov eax, counter
    mov ecx, 8
    mov edi, offset counter_end
hex:
    mov dl, al
    and dl, 15
    add dl, '0'
    cmp dl, '9'
    jbe 1f
    add dl, 'a' - '9' - 1
1:  dec edi
    mov [edi], dl
    shr eax, 4
    loop hex
    mov esi, offset line
2:  mov dx, COM1 + 5
1:  in al, dx
    test al, 0x20
    jz 1b
    mov dx, COM1
    lodsb
    out dx, al
    cmp al, 10
    jne 2b
    popa
    ret

on_interrupt:
    push eax
    inc dword ptr ticks
    mov al, 0x20
    out 0x20, al
    pop eax
    iretd

line:
    .ascii "CNT 00000000"
counter_end:
    .ascii " SUM "
sum:
    .ascii "7159\r\n"

chip_setup:                             # port and value
    .byte 0x20, 0x11, 0x21, 0x20, 0x21, 4, 0x21, 1, 0x21, 0xfe # first PIC: from 0x20, the timer only
    .byte 0xa1, 0xff                    # second PIC: nothing
    .byte 0x43, 0x34, 0x40, PIT_COUNT & 255, 0x40, PIT_COUNT >> 8
    .byte 0

.balign 4
gdt:
    .quad 0
    .quad 0x00cf9a000000ffff            # code, 4 GiB
    .quad 0x00cf92000000ffff            # data, 4 GiB
gdt_pointer:
    .word . - gdt - 1
    .long gdt
idt_pointer:
    .word 0x30 * 8 - 1
    .long IDT
.balign 4
counter:
    .long 0
ticks:
    .long 0

.org 0x1f0
pages:
    .long 2048
rate:
    .long 0

.org 510
.word 0xaa55
