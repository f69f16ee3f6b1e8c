import { crc32c } from '../../io/crc32c.ts'
import type { DirectFile } from '../../io/files/direct-file.ts'
import { readAhead } from '../read-ahead.ts'
import { CHUNK_LENGTH, chunkCount, firstChunk } from './layout.ts'

/** A chunk that was never written is zero. One that was written in parts is read again in the end. */
const UNWRITTEN = 0
const KNOWN = 1
const UNKNOWN = 2

const ZERO_CRC = atFirst(() => crc32c(Buffer.alloc(CHUNK_LENGTH)))

/** Computes the checksums of the chunks of a file while it is written. */
export class ChunkCrcs {
  #crcs: Uint32Array = new Uint32Array(4096)
  #states: Uint8Array = new Uint8Array(4096)
  #othersWrite = false

  /** For every write of the file. */
  readonly observe = (bytes: Uint8Array, offset: number): void => {
    const end = offset + bytes.length
    for (let at = offset; at < end;) {
      const chunk = Math.floor(at / CHUNK_LENGTH)
      const start = chunk * CHUNK_LENGTH
      const next = start + CHUNK_LENGTH
      this.#reserve(chunk)
      if (at === start && next <= end) {
        this.#crcs[chunk] = crc32c(bytes.subarray(at - offset, next - offset))
        this.#states[chunk] = KNOWN
      } else {
        this.#states[chunk] = UNKNOWN
      }
      at = next
    }
  }

  /** Another process writes the file, so that all of it must be read in the end. */
  forget(): void {
    this.#othersWrite = true
  }

  /** The checksums of the body. Reads the chunks that are not known. @throws StorageError */
  async complete(file: DirectFile, bodyOffset: number, fileLength: number): Promise<Uint32Array> {
    const place = { bodyOffset, fileLength }
    const first = firstChunk(place)
    const crcs = new Uint32Array(chunkCount(place))
    for (let index = 0; index < crcs.length;) {
      const known = this.#known(first + index, bodyOffset, fileLength)
      if (known !== undefined) {
        crcs[index] = known
        index += 1
        continue
      }
      let end = index + 1
      while (end < crcs.length && this.#known(first + end, bodyOffset, fileLength) === undefined)
        end += 1
      const start = Math.max(bodyOffset, (first + index) * CHUNK_LENGTH)
      const to = Math.min(fileLength, (first + end) * CHUNK_LENGTH)
      for await (const piece of readAhead(file, start, to)) {
        for (let at = 0; at < piece.length;) {
          // Only the first piece of an image whose body is not aligned begins inside a chunk.
          const length =
            index === 0 ? Math.min(piece.length, (first + 1) * CHUNK_LENGTH - start) : CHUNK_LENGTH
          crcs[index] = crc32c(piece.subarray(at, at + length))
          index += 1
          at += length
        }
      }
    }
    return crcs
  }

  #known(chunk: number, bodyOffset: number, fileLength: number): number | undefined {
    const start = chunk * CHUNK_LENGTH
    if (this.#othersWrite || start < bodyOffset || start + CHUNK_LENGTH > fileLength)
      return undefined
    const state = this.#states[chunk] ?? UNWRITTEN
    if (state === UNWRITTEN) return ZERO_CRC()
    return state === KNOWN ? this.#crcs[chunk] : undefined
  }

  #reserve(chunk: number): void {
    if (chunk < this.#states.length) return
    const length = Math.max(chunk + 1, this.#states.length * 2)
    const [crcs, states] = [new Uint32Array(length), new Uint8Array(length)]
    crcs.set(this.#crcs)
    states.set(this.#states)
    this.#crcs = crcs
    this.#states = states
  }
}

function atFirst(compute: () => number): () => number {
  let value: number | undefined
  return () => (value ??= compute())
}
