# A guest in one boot sector that writes memory all the time and checks it, for saves of a running guest. Needs 16 MiB of RAM and a first serial port.
#
# It goes over `pages` pages from 2 MiB up in passes. In each page it compares the numbers of the last pass, then writes that of the new pass into the first
# and the last word; the second word is the page's address. Each eighth page is all zeros after an odd pass. It stops after each `rate` pages until the next
# timer interrupt; 0: never. About 20 times a second it prints   CNT <counter, 8 hex digits> SUM <7159, or dead once a number was wrong>\r\n   on COM1.
# Tests write `pages` and `rate` into their copy of the sector, at 0x1f0 and 0x1f4.

.include "sector.s"
.set REGION, 0x200000

    enter_protected_mode
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
    mov cl, 8
    mov edi, offset counter_end
    call hex
    print_line esi
    popa
    ret

    hex_function edi

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
    protected_mode_data
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

    end_of_sector
