import type * as Koffi from 'koffi'
import { atFirstUse } from '../at-first-use.ts'
import { koffi, libraryCalls } from '../koffi.ts'
import { lastFault } from '../system-calls.ts'

const SOL_SOCKET = 1
const SCM_RIGHTS = 1
const MSG_NOSIGNAL = 0x4000
/** `struct cmsghdr`: length, level, type (Linux cmsg(3)); 64-bit. */
const CMSG_HEADER = 16

/** `struct iovec` and `struct msghdr` of Linux sendmsg(2). */
const messageType = atFirstUse((): Koffi.TypeObject => {
  const { struct } = koffi()
  const piece = struct('StasisIovec', { base: 'uint8_t *', length: 'size_t' })
  return struct('StasisMsghdr', {
    name: 'void *',
    nameLength: 'uint32_t',
    pieces: koffi().pointer(piece),
    pieceCount: 'size_t',
    control: 'uint8_t *',
    controlLength: 'size_t',
    flags: 'int',
  })
})

const call = libraryCalls({
  sendmsg: 'int64_t sendmsg(int fd, const StasisMsghdr *message, int flags)',
})

/**
 * Sends one byte with a descriptor over a connected unix socket (unix(7), SCM_RIGHTS).
 * @throws SystemCallError
 */
export function sendDescriptor(socket: number, byte: string, fd: number): void {
  messageType()
  const control = Buffer.alloc(CMSG_HEADER + 8)
  control.writeBigUInt64LE(BigInt(CMSG_HEADER + 4), 0)
  control.writeInt32LE(SOL_SOCKET, 8)
  control.writeInt32LE(SCM_RIGHTS, 12)
  control.writeInt32LE(fd, CMSG_HEADER)
  const message = {
    name: null,
    nameLength: 0,
    pieces: [{ base: Buffer.from(byte), length: 1 }],
    pieceCount: 1,
    control,
    controlLength: control.length,
    flags: 0,
  }
  if (Number(call('sendmsg', socket, message, MSG_NOSIGNAL)) < 0) throw lastFault('sendmsg')
}
