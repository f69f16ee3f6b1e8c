import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'

/**
 * A file as an input of the fuzzer: its length, then pieces with their offsets; between them are holes. So an image of 200 KiB is an input of 2 KiB,
 * and a mutation may make it as long as a number can say.
 */
export class FilePieces {
  length: number
  readonly pieces: { readonly at: number; readonly bytes: Buffer }[] = []

  constructor(length: number) {
    this.length = length
  }

  /** What an input says; whatever does not make sense in it is left out. */
  static decode(input: Uint8Array): FilePieces {
    const bytes = Buffer.from(input)
    const file = new FilePieces(bytes.length < 8 ? 0 : Number(bytes.readBigUInt64LE(0)))
    for (let at = 8; at + 12 <= bytes.length && file.pieces.length < 200;) {
      const offset = Number(bytes.readBigUInt64LE(at))
      const length = bytes.readUInt32LE(at + 8)
      file.pieces.push({ at: offset, bytes: bytes.subarray(at + 12, at + 12 + length) })
      at += 12 + length
    }
    return file
  }

  /** The pieces of a whole file. */
  static of(whole: Uint8Array): FilePieces {
    const bytes = Buffer.from(whole)
    const file = new FilePieces(bytes.length)
    for (let at = 0; at < bytes.length;) {
      while (at < bytes.length && bytes[at] === 0) at += 1
      const end = endOfPiece(bytes, at)
      if (end > at) file.pieces.push({ at, bytes: bytes.subarray(at, end) })
      at = end
    }
    return file
  }

  encode(): Uint8Array {
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(asLong(this.length))
    const parts = this.pieces.flatMap(({ at, bytes }) => {
      const head = Buffer.alloc(12)
      head.writeBigUInt64LE(asLong(at))
      head.writeUInt32LE(bytes.length, 8)
      return [head, bytes]
    })
    return Buffer.concat([length, ...parts])
  }

  /** The bytes of a range, zeros in holes; at most 1 MiB. */
  read(at: number, length: number): Buffer {
    const found = Buffer.alloc(Math.max(0, Math.min(length, 1024 * 1024)))
    for (const piece of this.pieces) {
      const from = Math.max(at, piece.at)
      const end = Math.min(at + found.length, piece.at + piece.bytes.length)
      if (from < end) piece.bytes.copy(found, from - at, from - piece.at, end - piece.at)
    }
    return found
  }

  /** Changes bytes that are in pieces. */
  patch(at: number, bytes: Uint8Array): void {
    for (const piece of this.pieces) {
      const from = Math.max(at, piece.at)
      const end = Math.min(at + bytes.length, piece.at + piece.bytes.length)
      if (from < end) piece.bytes.set(bytes.subarray(from - at, end - at), from - piece.at)
    }
  }

  /** Writes the file. Returns false when no file system can hold it. */
  place(path: string): boolean {
    const fd = openSync(path, 'w')
    try {
      for (const { at, bytes } of this.pieces)
        if (at < 2 ** 44) writeSync(fd, bytes, 0, bytes.length, at)
      if (this.length >= 2 ** 60) return false
      ftruncateSync(fd, this.length)
      return true
    } catch {
      return false
    } finally {
      closeSync(fd)
    }
  }
}

/** A hole of less than 64 bytes stays in the piece. */
function endOfPiece(bytes: Buffer, start: number): number {
  let last = start
  for (let at = start; at < bytes.length && at - last < 64; at += 1)
    if (bytes[at] !== 0) last = at + 1
  return last
}

/** A number that was 64 bits, and became a little more when it was rounded. */
function asLong(value: number): bigint {
  const long = BigInt(value)
  return long >= 2n ** 64n ? 2n ** 64n - 1n : long
}
