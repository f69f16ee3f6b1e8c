import { constants, readFileSync } from 'node:fs'
import { access, readFile, stat } from 'node:fs/promises'
import { type QemuVersion, atLeast } from './command-line/options.ts'
import type { SystemUser } from './process/system-user.ts'

// Facts about this host and its processes from /proc and /sys. An unreadable fact is unknown, and never an error.

const PAGE_BYTES = 4096

/** Processor time that a process has used so far, in milliseconds (proc_pid_stat(5)); `undefined` when it is gone. */
export async function processorTimeMs(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined)
  if (stat === undefined) return undefined
  // The second field, the name in parentheses, may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // Linux counts these in units of 1/100 s on every architecture that we run on (USER_HZ).
  return known((Number(fields[11]) + Number(fields[12])) * 10)
}

/** Memory in bytes that a process occupies (proc_pid_statm(5)); `undefined` when it is gone. */
export async function residentBytes(pid: number): Promise<number | undefined> {
  return (await occupied(pid)).resident
}

/** Memory in bytes that a process has for itself: without that of files and of shared memory (proc_pid_statm(5)); `undefined` when it is gone. */
export async function ownBytes(pid: number): Promise<number | undefined> {
  const { resident, shared } = await occupied(pid)
  return resident === undefined || shared === undefined ? undefined : resident - shared
}

/** The second and the third field of `statm`, in bytes. */
async function occupied(
  pid: number,
): Promise<{ readonly resident: number | undefined; readonly shared: number | undefined }> {
  const text = await readFile(`/proc/${pid}/statm`, 'latin1').catch(() => '')
  const [, resident, shared] = text.split(' ').map((field) => known(Number(field) * PAGE_BYTES))
  return { resident, shared }
}

function known(number: number): number | undefined {
  return number >= 0 ? number : undefined
}

/** Bytes that a process has read so far, by any call (`rchar` of proc_pid_io(5)); 0 when that is unknown. */
export function bytesReadBy(pid: number | undefined): number {
  if (pid === undefined) return 0
  try {
    return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

/** Memory of this host, in bytes; 0: unknown. */
export interface HostMemory {
  readonly totalBytes: number
  readonly swapBytes: number
  /** Memory that processes can get without swapping. */
  readonly availableBytes: number
  /** Huge pages of the default size. */
  readonly freeHugePages: number
  readonly hugePageBytes: number
}

/** The memory of this host (proc_meminfo(5)). */
export async function hostMemory(): Promise<HostMemory> {
  const facts = await readFile('/proc/meminfo', 'latin1').catch(() => '')
  const read = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(facts)?.[1] ?? 0)
  return {
    totalBytes: read('MemTotal') * 1024,
    swapBytes: read('SwapTotal') * 1024,
    availableBytes: read('MemAvailable') * 1024,
    freeHugePages: read('HugePages_Free'),
    hugePageBytes: read('Hugepagesize') * 1024,
  }
}

/** Whether this host has a network interface of this name. */
export function hasNetworkInterface(name: string): Promise<boolean> {
  return may(`/sys/class/net/${name}`, constants.F_OK)
}

/** Whether a network interface of this host is a bridge of Linux. */
export function isLinuxBridge(name: string): Promise<boolean> {
  return may(`/sys/class/net/${name}/bridge`, constants.F_OK)
}

/** The device of userfaultfd, which QEMU uses since 8.1 (util/userfaultfd.c). */
export const USERFAULTFD_DEVICE = '/dev/userfaultfd'

/**
 * Whether a QEMU may handle page faults with userfaultfd, including those of the kernel. Root may, and so may users that `vm.unprivileged_userfaultfd`
 * allows or that can open `/dev/userfaultfd` (Linux admin-guide/mm/userfaultfd). `user` is the one that it changes to; default: this user.
 */
export async function mayWatchPageFaults(
  user: SystemUser | undefined,
  version: QemuVersion,
): Promise<boolean> {
  if (user === undefined && process.geteuid?.() === 0) return true
  const sysctl = '/proc/sys/vm/unprivileged_userfaultfd'
  if ((await readFile(sysctl, 'latin1').catch(() => '0')).trim() === '1') return true
  if (!atLeast(version, 8, 1)) return false
  return user === undefined
    ? may(USERFAULTFD_DEVICE, constants.R_OK | constants.W_OK)
    : mayReadAndWrite(user, USERFAULTFD_DEVICE)
}

/** Whether the mode of a file lets a user read and write it. Access control lists beyond the mode are not seen. */
async function mayReadAndWrite(user: SystemUser, path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => undefined)
  if (facts === undefined) return false
  const { mode, uid, gid } = facts
  const shift = uid === user.uid ? 6 : user.groups.includes(gid) ? 3 : 0
  return ((mode >> shift) & 0o6) === 0o6
}

function may(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  )
}
