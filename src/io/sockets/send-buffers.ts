import { readdirSync, readlinkSync } from 'node:fs'
import { libraryCalls } from '../koffi.ts'
import { closeDescriptor, takeDescriptor } from '../system-calls.ts'

const call = libraryCalls({
  getsockname: 'int getsockname(int fd, _Out_ uint8_t *address, _Inout_ uint32_t *length)',
  getpeername: 'int getpeername(int fd, _Out_ uint8_t *address, _Inout_ uint32_t *length)',
  getsockopt:
    'int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)',
  setsockopt: 'int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)',
})

const SOL_SOCKET = 1
const SO_SNDBUF = 7
const SO_PEERCRED = 17
const SO_SNDBUFFORCE = 32
/** `struct sockaddr_un` (Linux unix(7)). */
const ADDRESS_LENGTH = 110

/**
 * Lets the process behind an accepted unix connection send about `length` bytes ahead of the reader, on each of its connections to the same listener. Only the
 * sender's buffer counts (unix(7)), and its usual 208 KiB make both sides wait for each other twice as often (notes/linux/unix-sockets.md). Without the right
 * to do so, the buffers stay as they are.
 */
export function widenSendBuffers(connection: number, length: number): void {
  try {
    const credentials = Buffer.alloc(12)
    call('getsockopt', connection, SOL_SOCKET, SO_PEERCRED, credentials, [credentials.length])
    const pid = credentials.readInt32LE(0)
    const listener = addressOf('getsockname', connection)
    for (const name of readdirSync(`/proc/${pid}/fd`)) {
      if (isSocket(`/proc/${pid}/fd/${name}`))
        widenIfConnected(pid, Number(name), { listener, length })
    }
  } catch {
    // It has ended, or belongs to another user.
  }
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:')
  } catch {
    // It was closed meanwhile.
    return false
  }
}

function widenIfConnected(
  pid: number,
  number: number,
  { listener, length }: { readonly listener: Buffer; readonly length: number },
): void {
  const fd = takeDescriptor(pid, number)
  try {
    if (!addressOf('getpeername', fd).equals(listener)) return
    const value = Buffer.alloc(4)
    value.writeInt32LE(length)
    // The first needs CAP_NET_ADMIN; the other obeys net.core.wmem_max.
    if (call('setsockopt', fd, SOL_SOCKET, SO_SNDBUFFORCE, value, value.length) !== 0)
      call('setsockopt', fd, SOL_SOCKET, SO_SNDBUF, value, value.length)
  } finally {
    closeDescriptor(fd)
  }
}

/** Empty without an address. */
function addressOf(side: 'getsockname' | 'getpeername', fd: number): Buffer {
  const address = Buffer.alloc(ADDRESS_LENGTH)
  const length = [address.length]
  if (call(side, fd, address, length) !== 0) return Buffer.alloc(0)
  return address.subarray(0, length[0])
}
