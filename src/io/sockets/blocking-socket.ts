import { libraryCalls } from '../koffi.ts'
import { lastFault } from '../system-calls.ts'

const call = libraryCalls({
  recv: 'int64_t recv(int fd, void *bytes, size_t length, int flags)',
  poll: 'int poll(_Inout_ uint8_t *sockets, uint64_t count, int timeoutMs)',
  fcntl: 'int fcntl(int fd, int command, int argument)',
  setsockopt: 'int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)',
  shutdown: 'int shutdown(int fd, int how)',
})

const MSG_WAITALL = 0x100
const F_SETFL = 4
const SOL_SOCKET = 1
const SO_RCVTIMEO = 20
const SHUT_RDWR = 2
const POLLIN = 1
/** `struct pollfd`: descriptor, requested events, returned events (Linux poll(2)). */
const POLLFD_LENGTH = 8

/** The longest that a read blocks: a thread cannot be ended while it is blocked. */
const MAX_BLOCK_MS = 250

/** Loads what reading a socket takes, so that the first read waits for nothing else. */
export function prepareReading(): void {
  const noSocket = -1
  call('fcntl', noSocket, F_SETFL, 0)
  call('setsockopt', noSocket, SOL_SOCKET, SO_RCVTIMEO, Buffer.alloc(0), 0)
  call('recv', noSocket, Buffer.alloc(1), 1, 0)
}

/** Makes reads of a socket block, each for a quarter of a second at most. For threads that do nothing else. */
export function makeBlocking(fd: number): void {
  check('fcntl', call('fcntl', fd, F_SETFL, 0))
  const timeout = Buffer.alloc(16)
  timeout.writeBigInt64LE(BigInt(MAX_BLOCK_MS) * 1000n, 8)
  check('setsockopt', call('setsockopt', fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.length))
}

/** Fills `bytes` from a blocking socket, however long that takes; returns how many bytes came before its end. @throws SystemCallError */
export function receiveAll(fd: number, bytes: Uint8Array): number {
  let done = 0
  while (done < bytes.length) {
    const length = receive(fd, bytes.subarray(done), MSG_WAITALL)
    if (length === 0) break
    done += length ?? 0
  }
  return done
}

/**
 * Reads the available bytes, at most `bytes.length`; returns 0 at the end, `undefined` when none came within the time limit. @throws SystemCallError
 */
export function receiveSome(fd: number, bytes: Uint8Array): number | undefined {
  return receive(fd, bytes, 0)
}

/** Waits until one of the sockets has something to read or is at its end, at most `timeoutMs`; returns the first such socket. */
export function waitReadable(fds: readonly number[], timeoutMs: number): number | undefined {
  const sockets = Buffer.alloc(fds.length * POLLFD_LENGTH)
  fds.forEach((fd, index) => {
    sockets.writeInt32LE(fd, index * POLLFD_LENGTH)
    sockets.writeInt16LE(POLLIN, index * POLLFD_LENGTH + 4)
  })
  const count = call('poll', sockets, fds.length, Math.min(timeoutMs, MAX_BLOCK_MS)) as number
  if (count <= 0) return undefined
  return fds.find((_, index) => sockets.readInt16LE(index * POLLFD_LENGTH + 6) !== 0)
}

/** Shuts a connection down in both directions, so that a reader reaches its end. */
export function shutDown(fd: number): void {
  // The peer may already have closed it.
  call('shutdown', fd, SHUT_RDWR)
}

function receive(fd: number, bytes: Uint8Array, flags: number): number | undefined {
  const length = Number(call('recv', fd, bytes, bytes.length, flags))
  if (length >= 0) return length
  const fault = lastFault('recv')
  if (fault.code === 'EAGAIN' || fault.code === 'EINTR') return undefined
  throw fault
}

function check(name: string, result: unknown): void {
  if ((result as number) < 0) throw lastFault(name)
}
