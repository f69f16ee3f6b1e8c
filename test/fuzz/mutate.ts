import { EDGES, putInteger } from './edges.ts'
import type { Random } from '../support/random.ts'

/** Longer inputs than this are not made. */
const MAX_LENGTH = 1024 * 1024

/** Material for mutations. */
export interface Material {
  /** Other inputs of the corpus, to splice with. */
  readonly corpus: readonly Uint8Array[]
  readonly words: readonly Uint8Array[]
}

/** An input with a few random changes, such as AFL makes: bits, integers at their edges, words, pieces removed, doubled, moved and spliced in. */
export function mutate(input: Uint8Array, material: Material, random: Random): Uint8Array {
  let bytes = Buffer.from(input)
  for (let left = 1 << random.below(5); left > 0; left -= 1) bytes = change(bytes, material, random)
  return bytes.length > MAX_LENGTH ? bytes.subarray(0, MAX_LENGTH) : bytes
}

type Buffered = ReturnType<typeof Buffer.from>

function change(bytes: Buffered, material: Material, random: Random): Buffered {
  const at = random.below(bytes.length + 1)
  const length = pieceLength(bytes.length - at, random)
  switch (random.below(11)) {
    case 0:
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
      return bytes
    case 1:
      if (at < bytes.length) bytes[at] = random.below(256)
      return bytes
    case 2:
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) + random.below(35) - 17
      return bytes
    case 3:
    case 4: {
      const width = random.pick([1, 2, 4, 8])
      const place = random.once(2) ? at - (at % width) : at
      putInteger(bytes, place, random.pick(EDGES), { width, bigEndian: random.once(2) })
      return bytes
    }
    case 5:
      return joined(bytes.subarray(0, at), bytes.subarray(at + length))
    case 6:
      return joined(bytes.subarray(0, at + length), bytes.subarray(at))
    case 7: {
      const to = random.below(bytes.length + 1)
      return joined(bytes.subarray(0, to), bytes.subarray(at, at + length), bytes.subarray(to))
    }
    case 8: {
      if (material.words.length === 0) return bytes
      const word = random.pick(material.words)
      const replaced = random.once(2) ? word.length : 0
      return joined(bytes.subarray(0, at), word, bytes.subarray(at + replaced))
    }
    case 9: {
      if (material.corpus.length === 0) return bytes
      const other = random.pick(material.corpus)
      const from = random.below(other.length + 1)
      const piece = other.subarray(from, from + pieceLength(other.length - from, random))
      const replaced = random.once(2) ? piece.length : 0
      return joined(bytes.subarray(0, at), piece, bytes.subarray(at + replaced))
    }
    default:
      return random.once(4)
        ? bytes.subarray(0, at)
        : bytes.fill(random.pick([0, 255]), at, at + length)
  }
}

/** Mostly short. */
function pieceLength(most: number, random: Random): number {
  return Math.min(most, 1 + random.below(random.pick([4, 16, 128, 4096])))
}

function joined(...parts: readonly Uint8Array[]): Buffered {
  return Buffer.concat(parts)
}

/**
 * The first changes of every valid input: it is cut at every byte (at 600 of them if it is longer), and every field of 4 and 8 bytes in its first
 * KiB gets numbers at the edges.
 */
export function* systematic(input: Uint8Array): Generator<() => Uint8Array> {
  const step = Math.max(1, Math.floor(input.length / 600))
  for (let length = 0; length < input.length; length += step) yield () => input.subarray(0, length)
  for (let at = 0; at + 4 <= Math.min(input.length, 1024); at += 4) {
    for (const width of [4, 8]) {
      for (const bigEndian of [false, true]) {
        for (const value of [0n, 1n, (1n << 31n) - 1n, 1n << 31n, 1n << 53n, (1n << 64n) - 1n]) {
          yield () => {
            const changed = Uint8Array.from(input)
            putInteger(changed, at, value, { width, bigEndian })
            return changed
          }
        }
      }
    }
  }
}
