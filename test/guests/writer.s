# A guest in one boot sector that writes to its disk until the disk returns an error: one sector in every 64 KiB, by the BIOS. On COM1 it prints `.`
# after each write, `E` after one that failed, and `D` once 30 are done.

.intel_syntax noprefix
.set COM1, 0x3f8
.set STEP, 128 # sectors
.set WRITES, 30

.code16
.globl _start
_start:
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
    mov cx, WRITES
again:
    push cx
    mov si, offset packet
    mov dl, 0x80
    mov ax, 0x4300                      # extended write
    int 0x13
    mov al, '.'
    jnc print
    mov al, 'E'
print:
    mov dx, COM1
    out dx, al
    add dword ptr [sector], STEP
    pop cx
    loop again
    mov dx, COM1
    mov al, 'D'
    out dx, al
idle:
    hlt
    jmp idle

packet:
    .byte 16, 0
    .word 1
    .word 0x7c00, 0
sector:
    .long STEP, 0

.org 510
.word 0xaa55
