import * as zlib from 'node:zlib'
import { zstd } from '../../io/codecs/zstd.ts'
import { ByteSource } from '../byte-source.ts'
import { MAX_WHOLE, type Member, unpackMembers } from './members.ts'
import { streamThrough } from './stream-through.ts'
import { UnexpectedEnd } from './unexpected-end.ts'
import {
  MAX_FRAME_HEADER,
  type ZstdFrameHeader,
  readBlockHeader,
  readFrameHeader,
} from './zstd-frames.ts'

const CHUNK = 1024 * 1024

/** Incompressible content grows slightly. */
const MAX_STORED = MAX_WHOLE + MAX_WHOLE / 8

/** Decompresses a zstd stream of any number of frames (RFC 8878), several at the same time where they contain their length. */
export function unpackZstd(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return unpackMembers(frames(pieces), async (bytes, target) => {
    const length = await zstd.decompress(bytes, target)
    if (length !== target.length) throw new Error(`a frame holds ${length} bytes`)
  })
}

async function* frames(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Member, void, undefined> {
  await using source = new ByteSource(pieces)
  const spare: Uint8Array[] = []
  for (;;) {
    const head = Buffer.alloc(MAX_FRAME_HEADER)
    let length = 0
    let header: ReturnType<typeof readFrameHeader>
    while (header === undefined && length < head.length) {
      if ((await source.fill(head.subarray(length, length + 1))) === 0) break
      length += 1
      header = readFrameHeader(head.subarray(0, length))
    }
    if (length === 0) return
    if (header === 'foreign' || header === undefined)
      throw new Error('the data are not a zstd frame')
    if (header.skip !== undefined) {
      await skip(source, header.skip)
      continue
    }
    const parts = frameParts(source, Buffer.from(head.subarray(0, length)), header)
    const { contentLength } = header
    if (contentLength !== undefined && contentLength <= MAX_WHOLE) {
      const memory = spare.pop() ?? Buffer.allocUnsafeSlow(MAX_STORED)
      const bytes = memory.subarray(0, await gather(parts, memory))
      const release = (): void => void spare.push(memory)
      yield { kind: 'whole', bytes, length: contentLength, release }
    } else {
      yield { kind: 'streamed', pieces: streamed(parts) }
    }
  }
}

/** The bytes of one frame, up to its end. */
async function* frameParts(
  source: ByteSource,
  head: Buffer,
  header: ZstdFrameHeader,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield head
  const mark = Buffer.alloc(3)
  for (let last = false; !last;) {
    if ((await source.fill(mark)) < mark.length) throw cut()
    const block = readBlockHeader(mark)
    yield Buffer.from(mark)
    yield* exactly(source, block.length)
    last = block.last
  }
  if (header.checksum) yield* exactly(source, 4)
}

async function* exactly(
  source: ByteSource,
  length: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let left = length; left > 0;) {
    const part = await source.next(left)
    if (part === undefined) throw cut()
    yield part
    left -= part.length
  }
}

async function skip(source: ByteSource, length: number): Promise<void> {
  for await (const _ of exactly(source, length));
}

/** Copies a frame into one piece of memory; returns its length. */
async function gather(parts: AsyncIterable<Uint8Array>, target: Uint8Array): Promise<number> {
  let length = 0
  for await (const part of parts) {
    // A frame grows slightly at worst; a longer one cannot be compressed content of that length.
    if (length + part.length > target.length) throw new Error('a frame is longer than its content')
    target.set(part, length)
    length += part.length
  }
  return length
}

function streamed(parts: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const copies = async function* (): AsyncGenerator<Uint8Array> {
    for await (const part of parts) yield Uint8Array.from(part)
  }
  return streamThrough(copies(), zlib.createZstdDecompress({ chunkSize: CHUNK }))
}

function cut(): Error {
  return new UnexpectedEnd('a frame')
}
