import type * as fc from 'fast-check'

/** Where a parser of files finds its input, and what it must not do there. */
export interface Bench {
  /** An empty directory in memory, for the files of one parser. */
  readonly directory: string
}

/** One parser under test: how its input is made, and how it is fed. */
export interface FuzzParser {
  readonly name: string
  /** Valid inputs: the beginning of the corpus. */
  readonly seeds: () => readonly Uint8Array[]
  /** Inputs that follow the format, with values that no writer writes: made by fast-check. */
  readonly shapes?: (() => fc.Arbitrary<Uint8Array>) | undefined
  /** Makes checksums and lengths right again, so that mutations get behind them. Used for most inputs, not for all. */
  readonly repair?: ((input: Uint8Array) => Uint8Array) | undefined
  /** Words of the format that random bytes would not hit. */
  readonly words?: readonly string[] | undefined
  /** Errors besides those of `src/errors.ts` that callers inside the program expect. */
  readonly expected?: readonly (new (...args: never[]) => Error)[] | undefined
  /** A run takes many milliseconds, so that short campaigns make fewer. */
  readonly isSlow?: boolean | undefined
  /** Feeds the input to the parser. Throws a `Broken` for a result that contradicts itself; a returned `false` is a refusal without an error. */
  readonly run: (input: Uint8Array, bench: Bench) => unknown
}

/** A parser accepted an input whose result contradicts itself. */
export class Broken extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Broken'
  }
}
