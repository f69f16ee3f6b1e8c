import { constants } from 'node:os'
import { koffi, libraryCalls } from './koffi.ts'

/** A system call that failed; `code` is the errno's name, as in Node's own errors. */
export class SystemCallError extends Error {
  readonly code: string
  readonly syscall: string
  constructor(syscall: string, errno: number) {
    const code = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0]
    super(`${syscall}: ${code ?? `errno ${errno}`}`)
    this.name = 'SystemCallError'
    this.code = code ?? `ERRNO_${errno}`
    this.syscall = syscall
  }
}

const invoke = libraryCalls({
  socket: 'int socket(int domain, int type, int protocol)',
  bind: 'int bind(int fd, const uint8_t *address, uint32_t length)',
  listen: 'int listen(int fd, int backlog)',
  accept4: 'int accept4(int fd, void *address, void *length, int flags)',
  connect: 'int connect(int fd, const uint8_t *address, uint32_t length)',
  getsockopt:
    'int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)',
  send: 'int64_t send(int fd, const uint8_t *bytes, size_t length, int flags)',
  close: 'int close(int fd)',
  flock: 'int flock(int fd, int operation)',
  fallocate: 'int fallocate64(int fd, int mode, int64_t offset, int64_t length)',
  memfd_create: 'int memfd_create(const char *name, unsigned int flags)',
  madvise: 'int madvise(void *memory, size_t length, int advice)',
  ioctl: 'int ioctl(int fd, unsigned long request, _Inout_ uint8_t *argument)',
  poll: 'int poll(_Inout_ uint8_t *fds, unsigned long count, int timeoutMs)',
  socketpair: 'int socketpair(int domain, int type, int protocol, _Out_ uint8_t *fds)',
  renameat2:
    'int renameat2(int fromAt, const char *from, int toAt, const char *to, unsigned int flags)',
  fcntl: 'int fcntl(int fd, int command, int argument)',
  fsopen: 'int fsopen(const char *type, unsigned int flags)',
  fsconfig:
    'int fsconfig(int fd, unsigned int command, const char *key, const char *value, int auxiliary)',
  fsmount: 'int fsmount(int fd, unsigned int flags, unsigned int attributes)',
  sched_setaffinity: 'int sched_setaffinity(int thread, size_t length, const uint8_t *set)',
  syscall: 'long syscall(long number, long first, long second, long third)',
})

/** Makes a call again that a signal has interrupted: none of ours waits for a signal. */
function call(name: Parameters<typeof invoke>[0], ...args: readonly unknown[]): number {
  for (;;) {
    const result = invoke(name, ...args) as number
    if (result >= 0) return result
    const fault = lastFault(name)
    if (fault.code !== 'EINTR') throw fault
  }
}

/** The error of the system call that just failed on this thread. */
export function lastFault(syscall: string): SystemCallError {
  return new SystemCallError(syscall, koffi().errno())
}

const AF_UNIX = 1
const SOL_SOCKET = 1
const SO_PEERCRED = 17
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const FALLOC_FL_KEEP_SIZE = 1
const MSG_NOSIGNAL = 0x4000
const MFD_CLOEXEC = 1
const MADV_HUGEPAGE = 14
const FSOPEN_CLOEXEC = 1
const FSCONFIG_SET_STRING = 1
const FSCONFIG_CMD_CREATE = 6
const FSMOUNT_CLOEXEC = 1
// The same number on every architecture (Linux include/uapi/asm-generic/unistd.h)
const SYS_PIDFD_OPEN = 434
const SYS_PIDFD_GETFD = 438
const F_SETFD = 2
const F_DUPFD_CLOEXEC = 1030
const FD_CLOEXEC = 1
const F_SETSIG = 10
const F_SETLEASE = 1024
const F_GETLEASE = 1025
const F_WRLCK = 1
const F_UNLCK = 2
const SIGURG = 23
const AT_FDCWD = -100
const RENAME_EXCHANGE = 2
const LOCK_SH = 1
const LOCK_EX = 2
const LOCK_NB = 4
// _IOW(0x94, 13, struct file_clone_range), Linux ioctl_ficlonerange(2)
const FICLONERANGE = 0x4020940d
// Linux include/uapi/asm-generic/ioctls.h
const FIONREAD = 0x541b
// _IOR(0x12, 114, size_t), Linux include/uapi/linux/fs.h
const BLKGETSIZE64 = 0x80081272
const POLLERR = 8

/** Longest path in a unix socket address, without its closing NUL (`sockaddr_un`, Linux unix(7)). */
export const MAX_SOCKET_PATH_LENGTH = 107

/** Lets no program that this process starts inherit a descriptor. */
export function setCloseOnExec(fd: number): void {
  call('fcntl', fd, F_SETFD, FD_CLOEXEC)
}

/** Connects to a unix stream socket; `nonBlocking` also applies to the connection. @throws SystemCallError EAGAIN when its queue is full */
export function connectUnix(
  path: string,
  { nonBlocking = false }: { readonly nonBlocking?: boolean } = {},
): number {
  const kind = SOCK_STREAM | SOCK_CLOEXEC | (nonBlocking ? SOCK_NONBLOCK : 0)
  const fd = call('socket', AF_UNIX, kind, 0)
  try {
    const address = unixAddress(path)
    call('connect', fd, address, address.length)
    return fd
  } catch (error) {
    closeDescriptor(fd)
    throw error
  }
}

/** `struct sockaddr_un` (Linux unix(7)). */
function unixAddress(path: string): Buffer {
  const name = Buffer.from(path)
  const address = Buffer.alloc(2 + name.length + 1)
  address.writeUInt16LE(AF_UNIX, 0)
  name.copy(address, 2)
  return address
}

/** Opens a non-blocking unix stream socket that listens on `path`; the path must not exist. */
export function listenUnix(path: string, backlog: number): number {
  const fd = call('socket', AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  try {
    const address = unixAddress(path)
    call('bind', fd, address, address.length)
    call('listen', fd, backlog)
    return fd
  } catch (error) {
    closeDescriptor(fd)
    throw error
  }
}

/**
 * The process that listens on a unix socket. This is the process that called listen(2), even if it has passed the socket on since (unix(7),
 * SO_PEERCRED).
 */
export function listenerOf(path: string): number {
  const fd = connectUnix(path)
  try {
    const credentials = Buffer.alloc(12)
    call('getsockopt', fd, SOL_SOCKET, SO_PEERCRED, credentials, [credentials.length])
    return credentials.readInt32LE(0)
  } finally {
    closeDescriptor(fd)
  }
}

/** Accepts one waiting connection, non-blocking; returns `undefined` when there is none. */
export function acceptUnix(listener: number): number | undefined {
  try {
    return call('accept4', listener, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC)
  } catch (error) {
    const { code } = error as SystemCallError
    if (code === 'EAGAIN' || code === 'ECONNABORTED') return undefined
    throw error
  }
}

/** Two connected unix stream sockets, both close-on-exec; pass them through `stdio` of a spawned process. */
export function connectedPair(): readonly [number, number] {
  const fds = Buffer.alloc(8)
  call('socketpair', AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)
  return [fds.readInt32LE(0), fds.readInt32LE(4)]
}

/**
 * A second descriptor for the same file, close-on-exec. For a descriptor that another owner may close at any time: a program would inherit whatever has
 * its number then.
 * @throws SystemCallError
 */
export function duplicateDescriptor(fd: number): number {
  return call('fcntl', fd, F_DUPFD_CLOEXEC, 0)
}

/** A descriptor of a process (Linux pidfd_open(2)). The caller closes it. @throws SystemCallError ESRCH */
export function openProcess(pid: number): number {
  return call('syscall', SYS_PIDFD_OPEN, pid, 0, 0)
}

/**
 * Duplicates a descriptor of another process into this one (Linux pidfd_getfd(2)). This needs root, or the right to trace that process.
 * @throws SystemCallError EPERM, ESRCH, EBADF
 */
export function takeDescriptor(pid: number, fd: number): number {
  const process = openProcess(pid)
  try {
    return call('syscall', SYS_PIDFD_GETFD, process, fd, 0)
  } finally {
    closeDescriptor(process)
  }
}

/**
 * Exchanges the names of two files of one file system atomically (Linux rename(2), RENAME_EXCHANGE). Both must exist.
 * @throws SystemCallError ENOENT, or EINVAL where the file system does not support it
 */
export function exchangeNames(one: string, other: string): void {
  call('renameat2', AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE)
}

/** Sends a few bytes into the empty buffer of a socket; `false` when its peer is gone. */
export function sendFew(fd: number, bytes: Uint8Array): boolean {
  return Number(invoke('send', fd, bytes, bytes.length, MSG_NOSIGNAL)) === bytes.length
}

/** Closes a raw descriptor. */
export function closeDescriptor(fd: number): void {
  // The descriptor is gone, whatever close(2) returns: to try again could close another one.
  invoke('close', fd)
}

/** Takes the exclusive advisory lock of an open file; `false` when another open file holds it. The kernel drops it with the descriptor. */
export function tryLock(fd: number): boolean {
  return tryFlock(fd, LOCK_EX)
}

/**
 * Takes a shared advisory lock of an open file; `false` when another open file holds the exclusive lock. The lock belongs to the open file, so a
 * process that inherits the descriptor holds it for as long as it lives (Linux flock(2)).
 */
export function tryShareLock(fd: number): boolean {
  return tryFlock(fd, LOCK_SH)
}

function tryFlock(fd: number, kind: number): boolean {
  try {
    call('flock', fd, kind | LOCK_NB)
    return true
  } catch (error) {
    if ((error as SystemCallError).code === 'EAGAIN') return false
    throw error
  }
}

/** Reserves disk blocks without changing the file's size; `false` where the file system cannot. */
export function reserveBlocks(fd: number, offset: number, length: number): boolean {
  try {
    call('fallocate', fd, FALLOC_FL_KEEP_SIZE, offset, length)
    return true
  } catch (error) {
    const { code } = error as SystemCallError
    if (code === 'ENOTSUP' || code === 'EOPNOTSUPP' || code === 'ENOSYS' || code === 'EINVAL')
      return false
    throw error
  }
}

/**
 * Makes a range of one file, at its start or at `toOffset`, share the blocks of a range of another (a reflink); `false` where the file system does not
 * support it, or the files are on different ones. Offsets and `length` must be multiples of the file system's block size.
 */
export function cloneRange(
  from: number,
  offset: number,
  length: number,
  to: number,
  toOffset = 0,
): boolean {
  const range = Buffer.alloc(32)
  range.writeBigInt64LE(BigInt(from), 0)
  range.writeBigUInt64LE(BigInt(offset), 8)
  range.writeBigUInt64LE(BigInt(length), 16)
  range.writeBigUInt64LE(BigInt(toOffset), 24)
  try {
    call('ioctl', to, FICLONERANGE, range)
    return true
  } catch (error) {
    const { code } = error as SystemCallError
    // ENOTSUP is EOPNOTSUPP on Linux, and comes first in Node's table.
    if (code === 'ENOTSUP' || code === 'EXDEV' || code === 'EINVAL' || code === 'ENOTTY')
      return false
    throw error
  }
}

/** ioctl(2) with a buffer that the kernel reads, and may change. @throws SystemCallError */
export function ioctl(fd: number, request: number, argument: Buffer): void {
  call('ioctl', fd, request, argument)
}

/** Opens a socket for requests about network devices (netdevice(7)). @throws SystemCallError */
export function openControlSocket(): number {
  return call('socket', AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
}

/** How many bytes a pipe holds that its reader has not taken yet, by a descriptor of either end (Linux pipe(7)). */
export function unreadBytes(fd: number): number {
  const count = Buffer.alloc(4)
  call('ioctl', fd, FIONREAD, count)
  return count.readInt32LE(0)
}

/**
 * Takes a lease of an open file: from then on the kernel makes any process wait that opens it, until `dropLease`, until this process ends, or for
 * /proc/sys/fs/lease-break-time seconds (Linux fcntl(2), F_SETLEASE). No other descriptor of the file may be open.
 * @throws SystemCallError EAGAIN, EINVAL, EACCES
 */
export function takeLease(fd: number): void {
  // By default the kernel reports such a wait with SIGIO, which ends a process. A process ignores SIGURG.
  call('fcntl', fd, F_SETSIG, SIGURG)
  call('fcntl', fd, F_SETLEASE, F_WRLCK)
}

/** Whether a process waits for the end of a lease. @throws SystemCallError */
export function isAwaited(fd: number): boolean {
  return call('fcntl', fd, F_GETLEASE, 0) !== F_WRLCK
}

/** Gives a lease back. @throws SystemCallError */
export function dropLease(fd: number): void {
  call('fcntl', fd, F_SETLEASE, F_UNLCK)
}

/** Whether a process has a pipe open for reading, by a descriptor of its writing end (Linux poll(2), POLLERR). */
export function hasReader(fd: number): boolean {
  // struct pollfd: descriptor, events, what happened. Errors are reported unasked.
  const poll = Buffer.alloc(8)
  poll.writeInt32LE(fd, 0)
  call('poll', poll, 1, 0)
  return (poll.readInt16LE(6) & POLLERR) === 0
}

/** The length of an open block device in bytes. @throws SystemCallError ENOTTY for a file of another kind */
export function deviceLength(fd: number): number {
  const length = Buffer.alloc(8)
  call('ioctl', fd, BLKGETSIZE64, length)
  return Number(length.readBigUInt64LE(0))
}

/** Asks the kernel to back page-aligned memory with huge pages; the kernel may ignore this. */
export function adviseHugePages(memory: Uint8Array): void {
  invoke('madvise', memory, memory.length, MADV_HUGEPAGE)
}

/** Makes an anonymous memory file. The descriptor is close-on-exec; pass it through `stdio` of a spawned process. */
export function createMemoryFile(name: string): number {
  return call('memfd_create', name, MFD_CLOEXEC)
}

/**
 * Makes a file system that is mounted nowhere, and returns a descriptor of its root (Linux fsopen(2)). It ends with the last descriptor of it
 * and of its files. `undefined` where the kernel, the C library or the rights of this process do not permit it.
 */
export function newMount(
  type: string,
  settings: Readonly<Record<string, string>>,
): number | undefined {
  let context: number | undefined
  try {
    context = call('fsopen', type, FSOPEN_CLOEXEC)
    for (const [key, value] of Object.entries(settings))
      call('fsconfig', context, FSCONFIG_SET_STRING, key, value, 0)
    call('fsconfig', context, FSCONFIG_CMD_CREATE, null, null, 0)
    return call('fsmount', context, FSMOUNT_CLOEXEC, 0)
  } catch {
    return undefined
  } finally {
    if (context !== undefined) closeDescriptor(context)
  }
}

/** Lets a thread of this host run on these processors only. @throws SystemCallError EINVAL when the host, or our own group, has none of them */
export function setAffinity(thread: number, processors: readonly number[]): void {
  const set = new Uint8Array(((Math.max(0, ...processors) >>> 3) + 8) & ~7)
  for (const one of processors) set[one >>> 3] = (set[one >>> 3] ?? 0) | (1 << (one & 7))
  call('sched_setaffinity', thread, set.length, set)
}
