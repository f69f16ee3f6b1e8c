// The tiny guest (test/guests/tiny.s) for QEMU's machine `virt` with interrupt controller version 2 and a processor of 64 bits, started as a kernel. Needs
// 16 MiB of RAM and the machine's own serial port. Content, checksum and output are the same.
//
// It waits with WFI for the virtual timer, so a restored guest that continues has a working timer and interrupt controller.

.set RAM, 0x40000000
.set REGION, RAM + 0x100000
.set REGION_END, RAM + 0x500000
.set SEED, 0x5745a515
.set DISTRIBUTOR, 0x08000000            // of interrupts
.set INTERFACE, 0x08010000              // of the processor to it
.set PL011, 0x09000000
.set TIMER_IRQ, 27

.globl _start
_start:
    ldr x20, =DISTRIBUTOR
    mov w0, #1
    str w0, [x20]
    mov w0, #1 << TIMER_IRQ
    str w0, [x20, #0x100]
    ldr x21, =INTERFACE
    mov w0, #0xff                       // every priority
    str w0, [x21, #4]
    mov w0, #1
    str w0, [x21]
    ldr x22, =PL011
    mov w0, #0x301                      // on, sends and receives
    str w0, [x22, #0x30]

    ldr x1, =REGION
    ldr x2, =REGION_END
    ldr w3, =SEED
fill:
    mov w0, wzr
    lsr w4, w1, #12
    sub w4, w4, #RAM >> 12
    tst w4, #3
    b.eq store
    mov w0, w4
    tst w4, #2
    b.eq store
    eor w3, w3, w3, lsl #13
    eor w3, w3, w3, lsr #17
    eor w3, w3, w3, lsl #5
    mov w0, w3
store:
    str w0, [x1], #4
    cmp x1, x2
    b.ne fill

again:
    adr x5, counter
    ldr w6, [x5]
    add w6, w6, #1
    str w6, [x5]
    ldr x1, =REGION
    ldr w7, =0x811c9dc5
    ldr w8, =0x01000193
1:  ldr w0, [x1], #4
    eor w7, w7, w0
    mul w7, w7, w8
    cmp x1, x2
    b.ne 1b
    eor w0, w7, w7, lsr #16
    adr x1, sum_end
    mov w4, #4
    bl hex
    mov w0, w6
    adr x1, counter_end
    mov w4, #8
    bl hex

    adr x1, line
print:
    ldr w0, [x22, #0x18]
    tbnz w0, #5, print                  // its queue is full
    ldrb w0, [x1], #1
    str w0, [x22]
    cmp w0, #10
    b.ne print

    mrs x0, cntfrq_el0
    mov x4, #20                         // 20 Hz
    udiv x0, x0, x4
    msr cntv_tval_el0, x0
    mov x0, #1
    msr cntv_ctl_el0, x0
    isb
wait:
    wfi
    ldr w0, [x21, #0xc]
    and w4, w0, #0x3ff
    cmp w4, #TIMER_IRQ
    b.ne wait
    msr cntv_ctl_el0, xzr
    isb
    str w0, [x21, #0x10]
    b again

hex:                                    // writes the W4 lowest digits of W0 before X1
    and w9, w0, #15
    add w9, w9, #'0'
    cmp w9, #'9'
    b.ls 1f
    add w9, w9, #'a' - '9' - 1
1:  strb w9, [x1, #-1]!
    lsr w0, w0, #4
    subs w4, w4, #1
    b.ne hex
    ret

.balign 4
counter:
    .word 0
line:
    .ascii "CNT 00000000"
counter_end:
    .ascii " SUM 0000"
sum_end:
    .ascii "\r\n"
.balign 4
