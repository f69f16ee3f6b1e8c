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

/** The sum that the Linux guest answers to `fill <mib> <seed>`, or to `sum` after some pages of the fill became zero. */
export function computeFillSum(
  mib: number,
  seed = 1,
  zeroed: ReadonlySet<number> = new Set(),
): string {
  let sum = FNV_START
  let page = 0
  for (const words of fillPages(mib, seed)) {
    const isZero = zeroed.has(page)
    for (const word of words) sum = Math.imul(sum ^ (isZero ? 0 : word), FNV_PRIME)
    page += 1
  }
  return (sum >>> 0).toString(16).padStart(8, '0')
}

/** The pages of a fill in their order, in memory that is reused: computed as `test/guests/linux/ram.s` says. */
export function* fillPages(mib: number, seed = 1): Generator<Uint32Array, void> {
  const words = new Uint32Array(WORDS_PER_PAGE)
  const line = new Uint32Array(16)
  const text = Buffer.from(line.buffer)
  text.write('2026-11-23T08:00:00Z web-01 stasis: request 00000000 took 12 ms\n', 'latin1')
  let random = seed === 0 ? 1 : seed
  let lineNumber = seed
  for (let page = 0; page < mib * 256; page++) {
    const kind = page & 7
    words.fill(0)
    if (kind < 3) {
      for (let i = 0; i < WORDS_PER_PAGE; i++) words[i] = random = xorshift32(random)
    } else if (kind < 6) {
      for (let i = 0; i < WORDS_PER_PAGE; i += line.length) {
        text.write((lineNumber++ >>> 0).toString(16).padStart(8, '0'), 44, 'latin1')
        words.set(line, i)
      }
    }
    yield words
  }
}

function xorshift32(state: number): number {
  state ^= state << 13
  state ^= state >>> 17
  return state ^ (state << 5)
}
