import { Buffer } from 'node:buffer'
import { WireError } from './wire-error.ts'

/**
 * The messages of a postcopy migration's destination to its source. Source: QEMU migration/migration.c `migrate_send_rp_message`,
 * `source_return_path_thread`; the bitmap migration/ram.c `ramblock_recv_bitmap_send`. Tried with 7.2, 10.0 and 11.1.
 */
export type ReturnMessage =
  /** The destination has finished; 0 means success. */
  | { readonly type: 'shut'; readonly value: number }
  /** The guest waits for these pages; `block` is absent when it is the block of the request before. */
  | {
      readonly type: 'request'
      readonly block: string | undefined
      readonly start: number
      readonly length: number
    }
  /** The pages of a block that the destination has: one bit each, lowest first. */
  | { readonly type: 'received'; readonly block: string; readonly bits: Uint8Array }
  | { readonly type: 'resumed' }
  | { readonly type: 'other' }

/** `enum mig_rp_message_type`, QEMU migration/migration.h. */
const TYPE = {
  SHUT: 1,
  PONG: 2,
  REQUEST_WITH_BLOCK: 3,
  REQUEST: 4,
  RECEIVED: 5,
  RESUME_ACK: 6,
  SWITCHOVER_ACK: 7,
} as const

const HEAD_LENGTH = 4
const BITMAP_END = 0x0123456789abcdefn
/** Enough for 16 TiB of guest memory. */
const MAX_BITMAP_LENGTH = 512 * 1024 * 1024

/** Parses a return path. `feed` takes the bytes as they arrive and returns the messages that are complete. */
export class ReturnPathParser {
  #rest: Buffer

  /** `rest` is the `rest` of a previous parser of the same path. */
  constructor(rest: Uint8Array = new Uint8Array(0)) {
    this.#rest = Buffer.from(rest)
  }

  /** The beginning of a message that is not complete. */
  get rest(): Uint8Array {
    return this.#rest
  }

  /** @throws WireError */
  feed(chunk: Uint8Array): readonly ReturnMessage[] {
    const messages: ReturnMessage[] = []
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (;;) {
      const taken = takeMessage(this.#rest)
      if (taken === undefined) return messages
      messages.push(taken.message)
      this.#rest = this.#rest.subarray(taken.length)
    }
  }
}

interface Taken {
  readonly message: ReturnMessage
  readonly length: number
}

function takeMessage(bytes: Buffer): Taken | undefined {
  if (bytes.length < HEAD_LENGTH) return undefined
  const type = bytes.readUInt16BE(0)
  const length = HEAD_LENGTH + bytes.readUInt16BE(2)
  if (bytes.length < length) return undefined
  const body = bytes.subarray(HEAD_LENGTH, length)
  switch (type) {
    case TYPE.SHUT:
      return { message: { type: 'shut', value: wordAt(body, 0) }, length }
    case TYPE.REQUEST_WITH_BLOCK:
      return { message: { ...request(body), block: stringAt(body, 12) }, length }
    case TYPE.REQUEST:
      return { message: { ...request(body), block: undefined }, length }
    case TYPE.RECEIVED:
      return takeBitmap(bytes, stringAt(body, 0), length)
    case TYPE.RESUME_ACK:
      return { message: { type: 'resumed' }, length }
    case TYPE.PONG:
    case TYPE.SWITCHOVER_ACK:
      return { message: { type: 'other' }, length }
    default:
      throw new WireError('corrupt', `a message on the return path has type ${type}`, 0)
  }
}

/** The bitmap follows the message and is not counted in its length. */
function takeBitmap(bytes: Buffer, block: string, start: number): Taken | undefined {
  if (bytes.length < start + 8) return undefined
  const size = longAt(bytes, start)
  if (size > MAX_BITMAP_LENGTH) throw new WireError('corrupt', `a bitmap has ${size} bytes`, start)
  const end = start + 8 + size
  if (bytes.length < end + 8) return undefined
  if (bytes.readBigUInt64BE(end) !== BITMAP_END)
    throw new WireError('corrupt', 'a bitmap has no end mark', end)
  const bits = Uint8Array.from(bytes.subarray(start + 8, end))
  return { message: { type: 'received', block, bits }, length: end + 8 }
}

function request(body: Buffer): { type: 'request'; start: number; length: number } {
  return { type: 'request', start: longAt(body, 0), length: wordAt(body, 8) }
}

function longAt(bytes: Buffer, at: number): number {
  if (bytes.length < at + 8)
    throw new WireError('corrupt', 'a message on the return path is too short', at)
  const value = Number(bytes.readBigUInt64BE(at))
  if (!Number.isSafeInteger(value)) throw new WireError('corrupt', 'an address is beyond 2^53', at)
  return value
}

function wordAt(bytes: Buffer, at: number): number {
  if (bytes.length < at + 4)
    throw new WireError('corrupt', 'a message on the return path is too short', at)
  return bytes.readUInt32BE(at)
}

function stringAt(bytes: Buffer, at: number): string {
  const length = bytes[at]
  if (length === undefined || bytes.length < at + 1 + length)
    throw new WireError('corrupt', 'a message on the return path is too short', at)
  return bytes.toString('utf8', at + 1, at + 1 + length)
}
