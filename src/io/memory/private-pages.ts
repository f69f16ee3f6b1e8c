import { closeSync, openSync, readSync } from 'node:fs'
import { koffi } from '../koffi.ts'
import { type SystemCallError, ioctl } from '../system-calls.ts'
import type { AddressRange } from './foreign-memory.ts'

const PAGE_SIZE = 4096

// _IOWR('f', 16, struct pm_scan_arg), Linux include/uapi/linux/fs.h, since 6.7
const PAGEMAP_SCAN = 0xc0606610
const SCAN_ARGUMENT_LENGTH = 96
const PAGE_IS_FILE = 1n << 2n
const PAGE_IS_PRESENT = 1n << 3n
const PAGE_IS_SWAPPED = 1n << 4n
const PAGE_IS_PFNZERO = 1n << 5n
const REGION_LENGTH = 24
const REGION_COUNT = 4096

/** The entries that one read takes. */
const ENTRY_COUNT = 65536

/** The bits 61 (of a file, or shared), 62 (swapped) and 63 (present), in the upper half of an entry (Linux Documentation/admin-guide/mm/pagemap.rst). */
const OF_FILE = 1 << 29
const SWAPPED = 1 << 30
const PRESENT = 1 << 31

/** How to search. */
interface SearchOptions {
  /** Let the kernel search where it can (Linux 6.7). */
  readonly scan?: boolean
  /** The runs that the kernel returns at once. */
  readonly regions?: number
}

/**
 * Finds the pages that a process has of its own in a range of its addresses: in a private mapping of a file the pages that it has written to, in
 * anonymous memory the pages that exist. All others have the content of the file, or are zero. Pages in swap count. Addresses and lengths are those of
 * whole pages.
 */
export class PrivatePages implements Disposable {
  readonly #fd: number
  readonly #regions: number
  #scans: boolean
  readonly #entries = Buffer.alloc(ENTRY_COUNT * 8)

  /** Needs root, or the right to trace the process. Throws Node's error: EACCES, ENOENT. */
  constructor(pid: number, { scan = true, regions = REGION_COUNT }: SearchOptions = {}) {
    this.#scans = scan
    this.#regions = regions
    this.#fd = openSync(`/proc/${pid}/pagemap`, 'r')
  }

  /** The runs of these pages, in order. @throws SystemCallError; Node's error */
  find(range: AddressRange): readonly AddressRange[] {
    const found = this.#scans ? this.#scan(range) : undefined
    this.#scans = found !== undefined
    return found ?? this.#read(range)
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }

  /** The kernel searches. `undefined` when it cannot. */
  #scan({ address, length }: AddressRange): readonly AddressRange[] | undefined {
    const runs: AddressRange[] = []
    const end = BigInt(address + length)
    const regions = Buffer.alloc(REGION_LENGTH * this.#regions)
    for (let start = BigInt(address); start < end;) {
      const argument = Buffer.alloc(SCAN_ARGUMENT_LENGTH)
      const fields = [
        BigInt(SCAN_ARGUMENT_LENGTH), // size
        0n, // flags
        start,
        end,
        0n, // walk_end
        BigInt(koffi().address(regions)),
        BigInt(this.#regions),
        0n, // max_pages
        PAGE_IS_FILE | PAGE_IS_PFNZERO, // category_inverted
        PAGE_IS_FILE, // category_mask
        PAGE_IS_PRESENT | PAGE_IS_SWAPPED, // category_anyof_mask
        PAGE_IS_PRESENT, // return_mask
      ]
      fields.forEach((field, at) => argument.writeBigUInt64LE(field, at * 8))
      regions.fill(0)
      try {
        ioctl(this.#fd, PAGEMAP_SCAN, argument)
      } catch (error) {
        if (isUnsupported(error)) return undefined
        throw error
      }
      for (let at = 0; at < regions.length; at += REGION_LENGTH) {
        const from = Number(regions.readBigUInt64LE(at))
        const to = Number(regions.readBigUInt64LE(at + 8))
        if (to === 0) break
        append(runs, from, to - from)
      }
      const walked = argument.readBigUInt64LE(32)
      if (walked <= start) return undefined
      start = walked
    }
    return runs
  }

  #read({ address, length }: AddressRange): readonly AddressRange[] {
    const runs: AddressRange[] = []
    const first = address / PAGE_SIZE
    const count = length / PAGE_SIZE
    for (let done = 0; done < count;) {
      const wanted = Math.min(ENTRY_COUNT, count - done) * 8
      const got = readSync(this.#fd, this.#entries, 0, wanted, (first + done) * 8) >>> 3
      if (got === 0) break
      for (let entry = 0; entry < got; entry += 1) {
        const upper = this.#entries.readInt32LE(entry * 8 + 4)
        if ((upper & (PRESENT | SWAPPED)) !== 0 && (upper & OF_FILE) === 0)
          append(runs, (first + done + entry) * PAGE_SIZE, PAGE_SIZE)
      }
      done += got
    }
    return runs
  }
}

function append(
  runs: { address: number; length: number }[],
  address: number,
  length: number,
): void {
  const last = runs.at(-1)
  if (last !== undefined && last.address + last.length === address) last.length += length
  else runs.push({ address, length })
}

function isUnsupported(error: unknown): boolean {
  const { code } = error as SystemCallError
  return code === 'ENOTTY' || code === 'EINVAL' || code === 'ENOTSUP'
}
