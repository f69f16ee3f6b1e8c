import { readdir, readlink } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { QemuError } from '../../errors.ts'
import { storageError } from '../../io/storage-error.ts'
import {
  type SystemCallError,
  closeDescriptor,
  ioctl,
  takeDescriptor,
} from '../../io/system-calls.ts'
import { readProcessFile } from './process-file.ts'

/** A range of a process's addresses; they may be beyond 2^53. */
export interface AddressRange {
  readonly start: bigint
  readonly end: bigint
}

// Linux include/uapi/linux/userfaultfd.h: _IOR(0xaa, 1 and 2, 16 bytes), _IOWR(0xaa, 6, 24 bytes)
const UFFDIO_UNREGISTER = 0x8010aa01
const UFFDIO_WAKE = 0x8010aa02
const UFFDIO_WRITEPROTECT = 0xc018aa06

/** The mark in `VmFlags` of a range whose writes a userfaultfd watches (Linux proc_pid_smaps(5)). */
const WATCHED = 'uw'

/**
 * The ranges of a process in which a userfaultfd watches writes: a write there waits until somebody permits it. Empty when the process is gone.
 * @throws StorageError
 */
export async function watchedRanges(pid: number): Promise<readonly AddressRange[]> {
  const text = (await readProcessFile(pid, 'smaps')) ?? ''
  return rangesIn(text)
}

/** The watched ranges in the text of `/proc/PID/smaps`. */
export function rangesIn(smaps: string): readonly AddressRange[] {
  const found: AddressRange[] = []
  let range: AddressRange | undefined
  for (const line of smaps.split('\n')) {
    const head = /^(?<start>[0-9a-f]+)-(?<end>[0-9a-f]+) /.exec(line)?.groups
    if (head !== undefined)
      range = { start: BigInt(`0x${head['start']}`), end: BigInt(`0x${head['end']}`) }
    const flags = line.startsWith('VmFlags:') ? line.split(' ') : []
    if (range !== undefined && flags.includes(WATCHED)) found.push(range)
  }
  return found
}

const ATTEMPTS = 50
const RETRY_MS = 10

/**
 * Permits all writes that a process's userfaultfds hold back, and ends their watch: each range becomes writable, is unregistered, and its waiting threads are
 * woken. Harmless when there is nothing to permit. The kernel wakes a thread that waits for a write only on request, also when its range is no longer
 * watched (seen in Linux 6.18). Returns the number of ranges.
 * @throws QemuError QEMU_TIMEOUT when ranges stay watched; StorageError when the process is not ours to change
 */
export async function permitWrites(pid: number): Promise<number> {
  let count = 0
  for (let attempt = 1; ; attempt += 1) {
    const ranges = await watchedRanges(pid)
    if (ranges.length === 0) return count
    count = Math.max(count, ranges.length)
    if (attempt > ATTEMPTS) throw stuck(pid)
    if (attempt > 1) await delay(RETRY_MS)
    for (const fd of await userfaultfdsOf(pid)) permitBy(pid, fd, ranges)
  }
}

/** @throws StorageError */
function permitBy(pid: number, theirs: number, ranges: readonly AddressRange[]): void {
  let fd: number
  try {
    fd = takeDescriptor(pid, theirs)
  } catch (error) {
    // The process closed it meanwhile, or is gone.
    if (['EBADF', 'ESRCH'].includes((error as SystemCallError).code)) return
    throw storageError('take a descriptor of QEMU', `/proc/${pid}/fd/${theirs}`, error)
  }
  try {
    for (const range of ranges) {
      attempt(fd, UFFDIO_WRITEPROTECT, range, 24)
      attempt(fd, UFFDIO_UNREGISTER, range, 16)
      attempt(fd, UFFDIO_WAKE, range, 16)
    }
  } finally {
    closeDescriptor(fd)
  }
}

/** A range may belong to another descriptor, or memory may be changing (EAGAIN): the caller looks again. */
function attempt(fd: number, request: number, { start, end }: AddressRange, length: number): void {
  const argument = Buffer.alloc(length)
  argument.writeBigUInt64LE(start, 0)
  argument.writeBigUInt64LE(end - start, 8)
  try {
    ioctl(fd, request, argument)
  } catch {
    // See above.
  }
}

/**
 * Whether we may take descriptors of this process, so that `permitWrites` will work when it must: needs root, or the right to trace the process.
 * @throws StorageError
 */
export async function canPermitWrites(pid: number): Promise<boolean> {
  const [first] = await readNames(pid)
  if (first === undefined) return false
  try {
    closeDescriptor(takeDescriptor(pid, Number(first)))
    return true
  } catch (error) {
    if (['EPERM', 'EACCES', 'ENOSYS', 'ESRCH'].includes((error as SystemCallError).code))
      return false
    throw storageError('take a descriptor of QEMU', `/proc/${pid}/fd/${first}`, error)
  }
}

async function userfaultfdsOf(pid: number): Promise<readonly number[]> {
  const found: number[] = []
  for (const name of await readNames(pid)) {
    const link = await readlink(`/proc/${pid}/fd/${name}`).catch(() => '')
    if (link.includes('[userfaultfd]')) found.push(Number(name))
  }
  return found
}

async function readNames(pid: number): Promise<readonly string[]> {
  const directory = `/proc/${pid}/fd`
  try {
    return await readdir(directory)
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw storageError(`list the open files of process ${pid}`, directory, error)
  }
}

function stuck(pid: number): QemuError {
  return new QemuError(
    'QEMU_TIMEOUT',
    `QEMU, process ${pid}, still holds back writes of its guest after a snapshot of its memory`,
    { operation: 'let the guest write again' },
  )
}
