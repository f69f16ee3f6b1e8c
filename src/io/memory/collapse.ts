import { libraryCalls } from '../koffi.ts'
import { closeDescriptor, openProcess } from '../system-calls.ts'
import type { AddressRange } from './foreign-memory.ts'

const invoke = libraryCalls({
  syscall:
    'long syscall(long number, int process, const uint8_t *pieces, unsigned long count, int advice, unsigned int flags)',
})

// The same number on every architecture (Linux include/uapi/asm-generic/unistd.h)
const SYS_PROCESS_MADVISE = 440
const MADV_COLLAPSE = 25

/** The length of a huge page that the kernel makes of 512 pages. */
export const HUGE_PAGE: number = 2 * 1024 * 1024

/**
 * Makes huge pages of the memory of another process, one for each start of a huge page in `starts`; the process may run (Linux process_madvise(2),
 * MADV_COLLAPSE, since 6.1). Pages of it that are not there are allocated. Returns how many there are now; the kernel refuses some, and old kernels and
 * processes of other users all of them.
 */
export function collapse(pid: number, starts: readonly number[]): number {
  let process: number
  try {
    process = openProcess(pid)
  } catch {
    return 0
  }
  try {
    const piece = Buffer.alloc(16)
    piece.writeBigUInt64LE(BigInt(HUGE_PAGE), 8)
    let made = 0
    for (const start of starts) {
      piece.writeBigUInt64LE(BigInt(start), 0)
      if (Number(invoke('syscall', SYS_PROCESS_MADVISE, process, piece, 1, MADV_COLLAPSE, 0)) > 0)
        made += 1
    }
    return made
  } finally {
    closeDescriptor(process)
  }
}

/** The huge pages that lie in a range as a whole. */
export function hugePagesIn({ address, length }: AddressRange): readonly number[] {
  const first = Math.ceil(address / HUGE_PAGE)
  const end = Math.floor((address + length) / HUGE_PAGE)
  return Array.from({ length: Math.max(0, end - first) }, (_, at) => (first + at) * HUGE_PAGE)
}
