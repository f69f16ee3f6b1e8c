import { koffi, libraryCalls } from '../koffi.ts'
import { SystemCallError, lastFault } from '../system-calls.ts'

const invoke = libraryCalls({
  process_vm_readv:
    'int64_t process_vm_readv(int pid, const uint8_t *local, unsigned long localCount, const uint8_t *remote, unsigned long remoteCount, unsigned long flags)',
})

/** A piece of the address space of a process. */
export interface AddressRange {
  readonly address: number
  readonly length: number
}

/** The most pieces of one call (IOV_MAX, Linux readv(2)). */
const MOST_PIECES = 1024

/** Length of `struct iovec`. */
const PIECE_LENGTH = 16

/**
 * Copies memory of another process, one piece after another, to the start of `target` (Linux process_vm_readv(2)). This needs root, or the right to
 * trace that process. The process may run; only a stopped writer makes the copy consistent.
 * @throws SystemCallError EPERM, ESRCH, EFAULT
 */
export function readForeignMemory(
  pid: number,
  pieces: readonly AddressRange[],
  target: Uint8Array,
): void {
  const address = Number(koffi().address(target))
  const local = Buffer.alloc(PIECE_LENGTH)
  const remote = Buffer.alloc(PIECE_LENGTH * MOST_PIECES)
  let done = 0
  for (let from = 0; from < pieces.length; from += MOST_PIECES) {
    const batch = pieces.slice(from, from + MOST_PIECES)
    let length = 0
    batch.forEach((piece, at) => {
      writePiece(remote, at, piece)
      length += piece.length
    })
    if (done + length > target.length) throw new RangeError('The target is too short')
    writePiece(local, 0, { address: address + done, length })
    const count = Number(invoke('process_vm_readv', pid, local, 1, remote, batch.length, 0))
    if (count < 0) throw lastFault('process_vm_readv')
    // It stops at the first page that is not there.
    if (count < length) throw new SystemCallError('process_vm_readv', EFAULT)
    done += length
  }
}

const EFAULT = 14

function writePiece(bytes: Buffer, at: number, { address, length }: AddressRange): void {
  bytes.writeBigUInt64LE(BigInt(address), at * PIECE_LENGTH)
  bytes.writeBigUInt64LE(BigInt(length), at * PIECE_LENGTH + 8)
}
