# A guest in one boot sector, to prove that memory and devices came back whole. Needs 8 MiB of RAM and a first serial port.
#
# It fills 4 MiB from 1 MiB up and then, for ever and about 20 times a second, computes the checksum of that region anew
# and prints   CNT <counter, 8 hex digits> SUM <checksum, 4 hex digits>\r\n   on COM1. The right checksum is 7159.
#
# Region, by bits 12 and 13 of the address of each 4 KiB page:  0: zeros  1: the page's number in every word
# 2 and 3: xorshift32 (13, 17, 5) from seed 0x5745a515, one step before each word.
# Checksum: h = (h ^ word) * 0x01000193 over all 32-bit words from h = 0x811c9dc5, then the upper half xor the lower.
# The order of pages counts. It waits with HLT for the PIT, so a restored guest that goes on has working interrupts.

.intel_syntax noprefix
.set REGION, 0x100000
.set REGION_END, 0x500000
.set SEED, 0x5745a515
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

    mov edi, REGION
    mov ebx, SEED
fill:
    xor eax, eax
    mov edx, edi
    shr edx, 12
    test dl, 3
    jz store
    mov eax, edx
    test dl, 2
    jz store
    mov eax, ebx
    shl eax, 13
    xor ebx, eax
    mov eax, ebx
    shr eax, 17
    xor ebx, eax
    mov eax, ebx
    shl eax, 5
    xor eax, ebx
    mov ebx, eax
store:
    stosd
    cmp edi, REGION_END
    jne fill

again:
    inc dword ptr counter
    mov esi, REGION
    mov ebx, 0x811c9dc5
1:  lodsd
    xor ebx, eax
    imul ebx, ebx, 0x01000193
    cmp esi, REGION_END
    jne 1b
    mov eax, ebx
    shr eax, 16
    xor eax, ebx
    mov edi, offset sum_end
    mov cl, 4
    call hex
    mov eax, counter
    mov edi, offset counter_end
    mov cl, 8
    call hex

    mov esi, offset line
print:
    mov dx, COM1 + 5
1:  in al, dx
    test al, 0x20
    jz 1b
    mov dx, COM1
    lodsb
    out dx, al
    cmp al, 10
    jne print
    sti
    hlt
    jmp again

hex:                                    # writes the CL lowest digits of EAX before EDI
    mov dl, al
    and dl, 15
    add dl, '0'
    cmp dl, '9'
    jbe 1f
    add dl, 'a' - '9' - 1
1:  dec edi
    mov [edi], dl
    shr eax, 4
    dec cl
    jnz hex
    ret

on_interrupt:
    push eax
    mov al, 0x20
    out 0x20, al
    pop eax
    iretd

line:
    .ascii "CNT 00000000"
counter_end:
    .ascii " SUM 0000"
sum_end:
    .ascii "\r\n"

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

.org 510
.word 0xaa55
