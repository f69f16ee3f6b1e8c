// The memory contents of the guests of test/guests/, computed outside of them.

const FNV_START = 0x811c9dc5
const FNV_PRIME = 0x01000193
const WORDS_PER_PAGE = 1024

/** The checksum that the tiny guest prints, 4 hex digits: computed as the header of `test/guests/tiny.s` says. */
export function computeTinySum(): string {
  let random = 0x5745a515
  let sum = FNV_START
  for (let page = 0x100; page < 0x500; page++) {
    for (let i = 0; i < WORDS_PER_PAGE; i++) {
      let word = 0
      if ((page & 2) !== 0) word = random = xorshift32(random)
      else if ((page & 1) !== 0) word = page
      sum = Math.imul(sum ^ word, FNV_PRIME)
    }
  }
  return ((sum ^ (sum >>> 16)) & 0xffff).toString(16).padStart(4, '0')
}

/** The sum that the Linux guest answers to `fill <mib> <seed>`: computed as `test/guests/linux/ram.s` says. */
export function computeFillSum(mib: number, seed = 1): string {
  const line = new Uint32Array(16)
  const text = Buffer.from(line.buffer)
  text.write('2026-11-23T08:00:00Z web-01 stasis: request 00000000 took 12 ms\n', 'latin1')
  let random = seed === 0 ? 1 : seed
  let lineNumber = seed
  let sum = FNV_START
  for (let page = 0; page < mib * 256; page++) {
    const kind = page & 7
    if (kind < 3) {
      for (let i = 0; i < WORDS_PER_PAGE; i++) {
        random = xorshift32(random)
        sum = Math.imul(sum ^ random, FNV_PRIME)
      }
    } else if (kind < 6) {
      for (let i = 0; i < WORDS_PER_PAGE / line.length; i++) {
        text.write((lineNumber++ >>> 0).toString(16).padStart(8, '0'), 44, 'latin1')
        for (const word of line) sum = Math.imul(sum ^ word, FNV_PRIME)
      }
    } else {
      for (let i = 0; i < WORDS_PER_PAGE; i++) sum = Math.imul(sum, FNV_PRIME)
    }
  }
  return (sum >>> 0).toString(16).padStart(8, '0')
}

function xorshift32(state: number): number {
  state ^= state << 13
  state ^= state >>> 17
  return state ^ (state << 5)
}
