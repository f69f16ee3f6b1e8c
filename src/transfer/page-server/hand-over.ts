import { InternalError } from '../../errors.ts'
import type { PageRange } from '../../image/saved-machine.ts'
import type { ReturnPathState, PageRequest } from './postcopy-connection.ts'

/** The state of an active page server that its successor on the same connection needs. */
export interface HandOver {
  /** The pages that QEMU has: for each block a bit for each page, the lowest first. */
  readonly sent: readonly Uint8Array[]
  /** See `PageServer.requested`. */
  readonly requested: readonly PageRange[]
  /** Requests without an answer. */
  readonly requests: readonly PageRequest[]
  readonly requestCount: number
  readonly returnPath: ReturnPathState
}

const LENGTH_BYTES = 4

/** Serialises the state for another process of this program: the length of a JSON text, the text, then the bitmaps. */
export function packHandOver({ sent, returnPath, ...rest }: HandOver): Uint8Array {
  const text = JSON.stringify({
    ...rest,
    block: returnPath.block,
    rest: Buffer.from(returnPath.rest).toString('base64'),
    lengths: sent.map(({ length }) => length),
  })
  const json = Buffer.from(text)
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32LE(json.length)
  return Buffer.concat([length, json, ...sent])
}

/** Parses the output of `packHandOver`. @throws InternalError when it is truncated */
export function unpackHandOver(bytes: Uint8Array): HandOver {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const end = all.length < LENGTH_BYTES ? Infinity : LENGTH_BYTES + all.readUInt32LE()
  if (end > all.length) throw cut()
  const { block, rest, lengths, ...others } = JSON.parse(
    all.toString('utf8', LENGTH_BYTES, end),
  ) as Pick<HandOver, 'requested' | 'requests' | 'requestCount'> & {
    readonly block: string
    readonly rest: string
    readonly lengths: readonly number[]
  }
  let at = end
  const sent = lengths.map((length) => all.subarray(at, (at += length)))
  if (at !== all.length) throw cut()
  return { ...others, sent, returnPath: { block, rest: Buffer.from(rest, 'base64') } }
}

function cut(): InternalError {
  return new InternalError('The previous page server did not hand over its whole state')
}
