/** Size of a guest page in QEMU's stream, in bytes (`TARGET_PAGE_SIZE`): on x86 always, on ARM in the machine `virt` (`checkPageSize`). */
export const PAGE_SIZE = 4096
