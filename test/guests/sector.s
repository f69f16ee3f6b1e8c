# What guests in one boot sector share, as macros: they include this file.

.intel_syntax noprefix
.set COM1, 0x3f8

# Starts in 32-bit mode with flat memory, and with the timer's interrupt as the only one. Continues with interrupts off, and needs `on_interrupt` and
# `protected_mode_data`. Uses all registers.
.macro enter_protected_mode
.set IDT, 0x600
.set CODE, 8
.set DATA, 16
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
.endm

.macro protected_mode_data
.set PIT_COUNT, 59659 # of 1193182 Hz: 20 Hz
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
.endm

# The next value of xorshift32 (13, 17, 5) into EBX. Uses EAX.
.macro xorshift
    mov eax, ebx
    shl eax, 13
    xor ebx, eax
    mov eax, ebx
    shr eax, 17
    xor ebx, eax
    mov eax, ebx
    shl eax, 5
    xor ebx, eax
.endm

# Adds EAX to the checksum in \sum. It begins with CHECKSUM_START.
.set CHECKSUM_START, 0x811c9dc5
.macro checksum sum:req
    xor \sum, eax
    imul \sum, \sum, 0x01000193
.endm

# A function that writes the CL lowest digits of EAX, in hexadecimal, before the address in \pointer (DI or EDI). Uses DL.
.macro hex_function pointer:req
hex:
    mov dl, al
    and dl, 15
    add dl, '0'
    cmp dl, '9'
    jbe 1f
    add dl, 'a' - '9' - 1
1:  dec \pointer
    mov [\pointer], dl
    shr eax, 4
    dec cl
    jnz hex
    ret
.endm

# Prints `line`, which ends with a line feed, on COM1. \pointer is SI or ESI. Uses it, EAX and EDX.
.macro print_line pointer:req
    mov \pointer, offset line
2:  mov dx, COM1 + 5
1:  in al, dx
    test al, 0x20
    jz 1b
    mov dx, COM1
    lodsb
    out dx, al
    cmp al, 10
    jne 2b
.endm

.macro end_of_sector
.org 510
.word 0xaa55
.endm
