import {
  type BigIntStats,
  fstatSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
} from 'node:fs'
import { closeDescriptor } from '../system-calls.ts'
import type { AddressRange } from './foreign-memory.ts'

/** A piece of the address space of a process, as /proc/PID/maps lists it. */
export interface Mapping extends AddressRange {
  /** The process does not write to the file: its writes go to pages of its own. */
  readonly isPrivate: boolean
  readonly isWritable: boolean
  /** The file that is mapped; `undefined` for anonymous memory. */
  readonly file: MappedFile | undefined
}

/** A mapped file. */
export interface MappedFile {
  /** The offset in the file of the first byte. */
  readonly offset: number
  readonly inode: bigint
  /** Its name, as /proc shows it: a file without a name has ` (deleted)` behind it. */
  readonly path: string
}

const LINE = /^([0-9a-f]+)-([0-9a-f]+) .(.).([ps]) ([0-9a-f]+) \S+ (\d+) *(.*)$/

/** The address space of a process, in the order of the addresses. Needs root, or the right to trace it. Throws Node's error. */
export function mappingsOf(pid: number): readonly Mapping[] {
  return parseMappings(readFileSync(`/proc/${pid}/maps`, 'utf8'))
}

/** Parses a file `maps` of a process (Linux proc_pid_maps(5)). */
export function parseMappings(text: string): readonly Mapping[] {
  return text.split('\n').flatMap((line): Mapping[] => {
    const [, from, to, writing, sharing, offset, inode, path] = LINE.exec(line) ?? []
    if (from === undefined || to === undefined) return []
    const address = Number.parseInt(from, 16)
    const file =
      inode === undefined || inode === '0'
        ? undefined
        : {
            offset: Number.parseInt(offset ?? '0', 16),
            inode: BigInt(inode),
            path: (path ?? '').replaceAll('\\012', '\n'),
          }
    const length = Number.parseInt(to, 16) - address
    return [{ address, length, isPrivate: sharing === 'p', isWritable: writing === 'w', file }]
  })
}

/**
 * Opens a file that a process has mapped and still has open, also one without a name, to read it. The caller closes the descriptor. `undefined` when the
 * process does not have it open any more. Throws Node's error.
 */
export function openMapped(pid: number, file: MappedFile): number | undefined {
  for (const number of readdirSync(`/proc/${pid}/fd`)) {
    const path = `/proc/${pid}/fd/${number}`
    if (nameOf(path) !== file.path || factsOf(path)?.ino !== file.inode) continue
    const fd = openSync(path, 'r')
    // The process may have closed it, and opened another.
    if (fstatSync(fd, { bigint: true }).ino === file.inode) return fd
    closeDescriptor(fd)
  }
  return undefined
}

function nameOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

function factsOf(path: string): BigIntStats | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })
}
