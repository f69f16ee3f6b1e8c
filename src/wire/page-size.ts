/** Size of a guest page in QEMU's stream on x86, in bytes (`TARGET_PAGE_SIZE`). */
export const PAGE_SIZE = 4096
