import { promisify } from 'node:util'
import { createGunzip, gunzip } from 'node:zlib'
import { atFirstUse } from '../../io/at-first-use.ts'
import { ByteSource } from '../byte-source.ts'
import { MAX_WHOLE, type Member, unpackMembers } from './members.ts'
import { streamThrough } from './stream-through.ts'
import { UnexpectedEnd } from './unexpected-end.ts'

const gunzipAsync = atFirstUse(() => promisify(gunzip))
const CHUNK = 1024 * 1024

/** Length of the head of a member written here: the fixed fields and one extra field with the length of the member. */
export const MEMBER_HEAD = 20
const LENGTH_AT = 16

/**
 * The head of a gzip member (RFC 1952) with an extra field `ST` of four bytes, the length of the whole member. A reader that knows the field finds
 * the next member without decompressing this one; others skip it.
 */
export function memberHead(memberLength: number): Buffer {
  const head = Buffer.from([31, 139, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, 0x53, 0x54, 4, 0, 0, 0, 0, 0])
  head.writeUInt32LE(memberLength, LENGTH_AT)
  return head
}

/** Decompresses a gzip stream of any number of members. Members written here are decompressed several at the same time. */
export function unpackGzip(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return unpackMembers(members(pieces), async (bytes, target) => {
    const content = await gunzipAsync()(bytes, {
      chunkSize: Math.max(64, target.length),
      maxOutputLength: Math.max(1, target.length),
    })
    if (content.length !== target.length) throw new Error(`a member holds ${content.length} bytes`)
    target.set(content)
  })
}

async function* members(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Member, void, undefined> {
  await using source = new ByteSource(pieces)
  for (;;) {
    const head = Buffer.alloc(MEMBER_HEAD)
    const found = await source.fill(head)
    if (found === 0) return
    const length = found === MEMBER_HEAD ? memberLength(head) : undefined
    if (length === undefined) {
      yield { kind: 'streamed', pieces: streamed(head.subarray(0, found), source) }
      return
    }
    const bytes = Buffer.allocUnsafe(length)
    head.copy(bytes)
    if ((await source.fill(bytes.subarray(MEMBER_HEAD))) < length - MEMBER_HEAD)
      throw new UnexpectedEnd('a member')
    const content = bytes.readUInt32LE(length - 4)
    if (content > MAX_WHOLE) throw new Error(`a member is longer than ${MAX_WHOLE} bytes`)
    yield { kind: 'whole', bytes, length: content }
  }
}

function memberLength(head: Buffer): number | undefined {
  if (!head.subarray(0, LENGTH_AT).equals(memberHead(0).subarray(0, LENGTH_AT))) return undefined
  const length = head.readUInt32LE(LENGTH_AT)
  return length >= MEMBER_HEAD + 8 && length <= MAX_WHOLE + MAX_WHOLE / 8 ? length : undefined
}

/** All remaining bytes, from any writer. */
function streamed(head: Uint8Array, source: ByteSource): AsyncIterable<Uint8Array> {
  const parts = async function* (): AsyncGenerator<Uint8Array> {
    yield head
    for (let part = await source.next(CHUNK); part !== undefined; part = await source.next(CHUNK))
      yield Uint8Array.from(part)
  }
  return streamThrough(parts(), createGunzip({ chunkSize: CHUNK }))
}
