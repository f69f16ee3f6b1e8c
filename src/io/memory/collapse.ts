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
 * MADV_COLLAPSE, since 6.1). Pages of it that are not there are allocated; shared memory needs one page that is there. Returns how many there are now; the kernel refuses some, and old kernels and
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
    let made = 0
    for (const run of runsOf(starts)) made += collapseRun(process, run)
    return made
  } finally {
    closeDescriptor(process)
  }
}

/** A run in one call takes much less time, because the kernel waits for all processors in each. */
function collapseRun(process: number, { address, length }: AddressRange): number {
  const run = Buffer.alloc(16)
  run.writeBigUInt64LE(BigInt(address), 0)
  run.writeBigUInt64LE(BigInt(length), 8)
  const done = Number(invoke('syscall', SYS_PROCESS_MADVISE, process, run, 1, MADV_COLLAPSE, 0))
  if (done === length) return length / HUGE_PAGE
  if (length === HUGE_PAGE) return 0
  // One that is refused fails the whole call, wherever it is.
  let made = 0
  for (let at = address; at < address + length; at += HUGE_PAGE)
    made += collapseRun(process, { address: at, length: HUGE_PAGE })
  return made
}

function runsOf(starts: readonly number[]): readonly AddressRange[] {
  const runs: { address: number; length: number }[] = []
  for (const start of starts) {
    const last = runs.at(-1)
    if (last !== undefined && last.address + last.length === start) last.length += HUGE_PAGE
    else runs.push({ address: start, length: HUGE_PAGE })
  }
  return runs
}

/** The huge pages that lie in a range as a whole. */
export function hugePagesIn({ address, length }: AddressRange): readonly number[] {
  const first = Math.ceil(address / HUGE_PAGE)
  const end = Math.floor((address + length) / HUGE_PAGE)
  return Array.from({ length: Math.max(0, end - first) }, (_, at) => (first + at) * HUGE_PAGE)
}
