# Fills, sums and dirties memory inside the Linux guest, on a tmpfs file that is mapped. What it fills can be computed
# outside too: test/support/guest-memory.ts does.
#
#   ram fill FILE MIB SEED   writes MIB MiB and prints their sum (8 hex digits)
#   ram sum FILE             prints the sum of the file as it is now
#   ram dirty FILE MIB STOP  writes to every page again and again, each time checking what the last pass left, until the
#                            file STOP exists; prints `PASSES ok`, or `PAGE corrupt` when memory changed behind its back
#
# A page of a fill is, by its number modulo 8:  0 1 2: xorshift32 (13, 17, 5) from SEED, one step before each word
#   3 4 5: lines of 64 characters that differ in a number, SEED plus the line's number   6 7: zeros
# Sum: h = (h ^ word) * 0x01000193 over all 32-bit words from h = 0x811c9dc5.

.intel_syntax noprefix
.globl _start
.set SYS_WRITE, 1
.set SYS_OPEN, 2
.set SYS_LSEEK, 8
.set SYS_MMAP, 9
.set SYS_ACCESS, 21
.set SYS_EXIT, 60
.set SYS_FALLOCATE, 285
.set O_RDWR_CREAT, 0x42

_start:
    mov rbp, rsp                        # [rbp] argc, [rbp + 8 * (i + 1)] argument i
    cmp qword ptr [rbp], 3
    jb fail
    mov rdi, [rbp + 24]
    mov esi, O_RDWR_CREAT
    mov edx, 0x180
    mov eax, SYS_OPEN
    syscall
    test eax, eax
    js fail
    mov r12d, eax                       # the file
    mov rsi, [rbp + 16]
    mov al, [rsi]
    cmp al, 's'
    je sum
    cmp qword ptr [rbp], 5
    jb fail
    mov rsi, [rbp + 32]
    call number
    mov r13, rax
    shl r13, 20                         # its length in bytes
    jz fail
    mov edi, r12d
    xor esi, esi
    xor edx, edx
    mov r10, r13
    mov eax, SYS_FALLOCATE              # fails, where a mapping of a hole would kill us
    syscall
    test rax, rax
    jnz fail
    call map
    mov rsi, [rbp + 16]
    cmp byte ptr [rsi], 'd'
    je dirty

    mov rsi, [rbp + 40]
    call number
    mov r15d, eax                       # number of the next line
    mov ebx, eax                        # state of the generator, never 0
    test ebx, ebx
    jnz 1f
    inc ebx
1:  mov rdi, r14
    lea r13, [r14 + r13]
page:
    mov rax, rdi
    sub rax, r14
    shr rax, 12
    and eax, 7
    cmp eax, 3
    jb random
    cmp eax, 6
    jb text
    xor eax, eax
    mov ecx, 512
    rep stosq
    jmp next_page
random:
    mov ecx, 1024
1:  mov eax, ebx
    shl eax, 13
    xor ebx, eax
    mov eax, ebx
    shr eax, 17
    xor ebx, eax
    mov eax, ebx
    shl eax, 5
    xor ebx, eax
    mov [rdi], ebx
    add rdi, 4
    dec ecx
    jnz 1b
    jmp next_page
text:
    mov edx, 64
1:  lea rsi, line_number[rip + 8]
    mov eax, r15d
    call hex
    inc r15d
    lea rsi, line[rip]
    mov ecx, 8
    rep movsq
    dec edx
    jnz 1b
next_page:
    cmp rdi, r13
    jb page
    sub r13, r14
    jmp print_sum

sum:
    mov edi, r12d
    xor esi, esi
    mov edx, 2                          # SEEK_END
    mov eax, SYS_LSEEK
    syscall
    mov r13, rax
    test r13, r13
    jle fail
    call map
print_sum:
    mov eax, 0x811c9dc5
    lea rcx, [r14 + r13]
1:  xor eax, [r14]
    imul eax, eax, 0x01000193
    add r14, 4
    cmp r14, rcx
    jne 1b
    lea rsi, sum_end[rip]
    call hex
    lea rsi, sum_end[rip - 8]
    mov edx, 9
    jmp print

dirty:
    cmp qword ptr [rbp], 5
    jb fail
    xor ebx, ebx                        # passes
1:  lea rsi, [r14 + r13]
    mov rdi, r14
2:  cmp [rdi], ebx
    jne corrupt
    cmp [rdi + 4092], ebx
    jne corrupt
    lea eax, [rbx + 1]
    mov [rdi], eax
    mov [rdi + 4092], eax
    add rdi, 4096
    cmp rdi, rsi
    jb 2b
    inc ebx
    mov rdi, [rbp + 40]
    xor esi, esi
    mov eax, SYS_ACCESS
    syscall
    test eax, eax
    jnz 1b
    mov eax, ebx
    lea rsi, passes_end[rip]
    call hex
    lea rsi, passes_end[rip - 8]
    mov edx, 12
    jmp print
corrupt:
    mov rax, rdi
    sub rax, r14
    shr rax, 12
    lea rsi, corrupt_end[rip]
    call hex
    lea rsi, corrupt_end[rip - 8]
    mov edx, 17
print:
    mov edi, 1
    mov eax, SYS_WRITE
    syscall
    xor edi, edi
    jmp exit
fail:
    mov edi, 1
exit:
    mov eax, SYS_EXIT
    syscall

map:                                    # maps R13 bytes of the file and leaves the address in R14
    xor edi, edi
    mov rsi, r13
    mov edx, 3                          # read, write
    mov r10d, 1                         # shared
    mov r8d, r12d
    xor r9d, r9d
    mov eax, SYS_MMAP
    syscall
    mov r14, rax
    cmp rax, -4096
    ja fail
    ret

number:                                 # the decimal number at RSI, in RAX
    xor eax, eax
1:  movzx ecx, byte ptr [rsi]
    sub ecx, '0'
    cmp ecx, 9
    ja 2f
    imul rax, rax, 10
    add rax, rcx
    inc rsi
    jmp 1b
2:  ret

hex:                                    # writes EAX as 8 digits before RSI
    mov ecx, 8
1:  mov r8d, eax
    and r8d, 15
    lea r9, digits[rip]
    mov r8b, [r9 + r8]
    dec rsi
    mov [rsi], r8b
    shr eax, 4
    dec ecx
    jnz 1b
    ret

digits:
    .ascii "0123456789abcdef"
.data
.balign 8
line:
    .ascii "2026-11-23T08:00:00Z web-01 stasis: request "
line_number:
    .ascii "00000000 took 12 ms\n"
    .ascii "00000000"
sum_end:
    .ascii "\n00000000"
passes_end:
    .ascii " ok\n00000000"
corrupt_end:
    .ascii " corrupt\n"
