# A guest in one boot sector, to prove that memory and devices came back whole. Needs 8 MiB of RAM and a first serial port.
#
# It fills 4 MiB from 1 MiB up and then, for ever and about 20 times a second, computes the checksum of that region anew
# and prints   CNT <counter, 8 hex digits> SUM <checksum, 4 hex digits>\r\n   on COM1. The right checksum is 7159.
#
# Region, by bits 12 and 13 of the address of each 4 KiB page:  0: zeros  1: the page's number in every word
# 2 and 3: xorshift32 (13, 17, 5) from seed 0x5745a515, one step before each word.
# Checksum: h = (h ^ word) * 0x01000193 over all 32-bit words from h = 0x811c9dc5, then the upper half xor the lower.
# The order of pages counts. It waits with HLT for the PIT, so a restored guest that goes on has working interrupts.

.include "sector.s"
.set REGION, 0x100000
.set REGION_END, 0x500000
.set SEED, 0x5745a515

    enter_protected_mode
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
    xorshift
    mov eax, ebx
store:
    stosd
    cmp edi, REGION_END
    jne fill

again:
    inc dword ptr counter
    mov esi, REGION
    mov ebx, CHECKSUM_START
1:  lodsd
    checksum ebx
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
    print_line esi
    sti
    hlt
    jmp again

    hex_function edi

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
    protected_mode_data
.balign 4
counter:
    .long 0

    end_of_sector
