import { backgroundCall, koffi, libraryCalls } from '../koffi.ts'
import { SystemCallError, lastFault } from '../system-calls.ts'

const PROTOTYPE =
  'int64_t process_vm_readv(int pid, const uint8_t *local, unsigned long localCount, const uint8_t *remote, unsigned long remoteCount, unsigned long flags)'

const invoke = libraryCalls({ process_vm_readv: PROTOTYPE })

const invokeInBackground = backgroundCall(PROTOTYPE)

/** A piece of the address space of a process. */
export interface AddressRange {
  readonly address: number
  readonly length: number
}

/** The most pieces of one call (IOV_MAX, Linux readv(2)). */
const MOST_PIECES = 1024

/** Length of `struct iovec`. */
const PIECE_LENGTH = 16

/** The most bytes of one call in the background: small enough for all threads to be busy until the end. */
const MOST_AT_ONCE = 4 * 1024 * 1024

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
  let done = 0
  for (const batch of batchesOf(pieces, Infinity)) {
    const { length } = batch
    const place = target.subarray(done, done + length)
    if (place.length < length) throw new RangeError('The target is too short')
    const { local, remote } = vectors(batch.pieces, place)
    const count = Number(invoke('process_vm_readv', pid, local, 1, remote, batch.pieces.length, 0))
    if (count < 0) throw lastFault('process_vm_readv')
    // It stops at the first page that is not there.
    if (count < length) throw new SystemCallError('process_vm_readv', EFAULT)
    done += length
  }
}

/** `readForeignMemory` on several threads at once, or at once on this one if that is little. @throws SystemCallError EPERM, ESRCH, EFAULT, when nothing is written to `target` any more */
export async function readForeignMemoryAtOnce(
  pid: number,
  pieces: readonly AddressRange[],
  target: Uint8Array,
): Promise<void> {
  const batches = [...batchesOf(pieces, MOST_AT_ONCE)]
  if (batches.length <= 1) return readForeignMemory(pid, pieces, target)
  let end = 0
  const reads = batches.map(async (batch) => {
    const { length } = batch
    const place = target.subarray(end, end + length)
    if (place.length < length) throw new RangeError('The target is too short')
    end += length
    const { local, remote } = vectors(batch.pieces, place)
    const count = await invokeInBackground(pid, local, 1, remote, batch.pieces.length, 0)
    // The other thread has the reason.
    if (Number(count) < length) readForeignMemory(pid, batch.pieces, place)
  })
  for (const read of await Promise.allSettled(reads))
    if (read.status === 'rejected') throw read.reason
}

interface Batch {
  readonly pieces: readonly AddressRange[]
  readonly length: number
}

/** Pieces for one call each, in their order; long ones are cut. */
function* batchesOf(pieces: readonly AddressRange[], mostBytes: number): Generator<Batch, void> {
  let batch: AddressRange[] = []
  let length = 0
  for (const piece of pieces) {
    for (let done = 0; done < piece.length;) {
      const part = Math.min(piece.length - done, mostBytes - length)
      batch.push({ address: piece.address + done, length: part })
      length += part
      done += part
      if (length < mostBytes && batch.length < MOST_PIECES) continue
      yield { pieces: batch, length }
      batch = []
      length = 0
    }
  }
  if (batch.length > 0) yield { pieces: batch, length }
}

/** The two arrays of `struct iovec` of a call: `target` as one, and the pieces. */
function vectors(
  pieces: readonly AddressRange[],
  target: Uint8Array,
): { readonly local: Buffer; readonly remote: Buffer } {
  const local = Buffer.alloc(PIECE_LENGTH)
  const remote = Buffer.alloc(PIECE_LENGTH * pieces.length)
  pieces.forEach((piece, at) => writePiece(remote, at, piece))
  writePiece(local, 0, { address: Number(koffi().address(target)), length: target.length })
  return { local, remote }
}

const EFAULT = 14

function writePiece(bytes: Buffer, at: number, { address, length }: AddressRange): void {
  bytes.writeBigUInt64LE(BigInt(address), at * PIECE_LENGTH)
  bytes.writeBigUInt64LE(BigInt(length), at * PIECE_LENGTH + 8)
}
