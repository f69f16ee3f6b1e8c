import * as fc from 'fast-check'
import { readdirSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { inspect } from 'node:util'
import { Coverage } from './coverage.ts'
import type { Guard } from './guard.ts'
import { mutate, systematic } from './mutate.ts'
import { type Bench, Broken, type FuzzParser } from './parser.ts'
import { Random } from '../support/random.ts'
import { faultOf } from './verdict.ts'

/** An input on which a parser failed. */
export interface Finding {
  readonly parser: string
  readonly fault: string
  /** The same for inputs that fail in the same way. */
  readonly key: string
  readonly stack: string
  readonly input: Uint8Array
}

/** What a campaign did so far. */
export interface Tally {
  readonly runs: number
  /** Inputs that the parser accepted. */
  readonly accepted: number
  /** Inputs that reach code that no other one of the corpus reaches. */
  readonly corpus: number
  /** Characters of source that have run. */
  readonly covered: number
  /** The same after the valid inputs, before the first change. */
  readonly coveredBySeeds: number
  readonly elapsedMs: number
}

/** How long a campaign takes, and what it uses. */
export interface CampaignOptions {
  readonly seed: number
  readonly bench: Bench
  readonly guard: Guard
  /** Inputs of earlier campaigns. */
  readonly corpus?: readonly Uint8Array[]
  readonly runs?: number | undefined
  readonly deadlineMs?: number | undefined
  /** Called before each run, so that somebody else knows the input if the run never ends. */
  readonly onRun?: (input: Uint8Array) => void
  readonly onFinding: (finding: Finding) => void
  readonly onProgress?: (tally: Tally) => void
  /** Called with inputs that reach new code. */
  readonly onKept?: (input: Uint8Array) => void
}

/** Inputs between two looks at the coverage. A look takes about a millisecond. */
const BATCH = 16

/** More findings of one parser say nothing new. */
const MAX_FINDINGS = 20

/** The parsers, and those with planted faults. */
const SOURCES = /\/src\/|\/fuzz\/toys\.ts$/

/** Feeds a parser: valid inputs, systematic changes of them, then, in turn, inputs of fast-check and changes of whatever reached new code. */
export class Campaign {
  readonly #parser: FuzzParser
  readonly #options: CampaignOptions
  readonly #random: Random
  readonly #coverage = new Coverage(SOURCES)
  readonly #corpus: Uint8Array[] = []
  readonly #seen = new Set<string>()
  readonly #words: readonly Uint8Array[]
  readonly #startMs = performance.now()
  #shapes: Uint8Array[] = []
  #runs = 0
  #accepted = 0
  #coveredBySeeds = 0
  #strays: unknown[] = []

  constructor(parser: FuzzParser, options: CampaignOptions) {
    this.#parser = parser
    this.#options = options
    this.#random = new Random(options.seed)
    this.#words = (parser.words ?? []).map((word) => Buffer.from(word, 'latin1'))
  }

  get tally(): Tally {
    return {
      runs: this.#runs,
      accepted: this.#accepted,
      corpus: this.#corpus.length,
      covered: this.#coverage.covered,
      coveredBySeeds: this.#coveredBySeeds,
      elapsedMs: performance.now() - this.#startMs,
    }
  }

  async run(): Promise<Tally> {
    const note = (error: unknown): void => void this.#strays.push(error)
    process.on('uncaughtException', note)
    process.on('unhandledRejection', note)
    try {
      await this.#start()
      const files = openFiles()
      await this.#systematic()
      while (!this.#over()) {
        await this.#tryAll(Array.from({ length: BATCH }, () => this.#next()))
        this.#options.onProgress?.(this.tally)
        // Whatever a run left behind must have its turn, or it would grow.
        await setImmediate()
      }
      const left = openFiles() - files
      if (left > 8) this.#report(new Uint8Array(0), `leaves ${left} files open`, '')
      return this.tally
    } finally {
      process.off('uncaughtException', note)
      process.off('unhandledRejection', note)
      this.#coverage[Symbol.dispose]()
    }
  }

  async #start(): Promise<void> {
    for (const seed of this.#parser.seeds()) {
      await this.#try(seed)
      this.#corpus.push(seed)
    }
    this.#coverage.add(this.#coverage.take())
    this.#coveredBySeeds = this.#coverage.covered
    for (const input of this.#options.corpus ?? []) {
      if (this.#over()) return
      await this.#tryAll([input])
    }
  }

  /** Of all of them as many as a third of the campaign, evenly. */
  async #systematic(): Promise<void> {
    const all = this.#parser.seeds().flatMap((seed) => [...systematic(seed)])
    const { runs, deadlineMs = Infinity } = this.#options
    const most = Math.min(all.length, (runs ?? Infinity) / 3)
    const endMs = this.#startMs + (deadlineMs - this.#startMs) / 3
    const order = this.#random.shuffled(all).slice(0, most)
    for (let at = 0; at < order.length && performance.now() < endMs; at += BATCH)
      await this.#tryAll(order.slice(at, at + BATCH).map((make) => this.#repaired(make())))
  }

  #over(): boolean {
    const { runs = Infinity, deadlineMs = Infinity } = this.#options
    return this.#runs >= runs || performance.now() >= deadlineMs || this.#seen.size >= MAX_FINDINGS
  }

  #next(): Uint8Array {
    if (this.#parser.shapes !== undefined && this.#random.once(3)) return this.#shape()
    // What came last has been tried least.
    const base = this.#random.pick(this.#random.once(2) ? this.#corpus.slice(-3) : this.#corpus)
    return this.#repaired(mutate(base, { corpus: this.#corpus, words: this.#words }, this.#random))
  }

  #shape(): Uint8Array {
    if (this.#shapes.length === 0) {
      const arbitrary = this.#parser.shapes?.() ?? fc.uint8Array()
      this.#shapes = fc.sample(arbitrary, { numRuns: 32, seed: this.#random.below(2 ** 31) })
    }
    return this.#shapes.pop() ?? new Uint8Array(0)
  }

  #repaired(input: Uint8Array): Uint8Array {
    const { repair } = this.#parser
    return repair === undefined || this.#random.once(6) ? input : repair(input)
  }

  async #tryAll(inputs: readonly Uint8Array[]): Promise<void> {
    for (const input of inputs) await this.#try(input)
    const together = this.#coverage.take()
    if (!this.#coverage.isNew(together)) return
    // Each runs again, to find those that reached the new code.
    for (const input of inputs) {
      await this.#try(input)
      if (this.#coverage.add(this.#coverage.take())) this.#keep(input)
    }
    this.#coverage.add(together)
  }

  #keep(input: Uint8Array): void {
    this.#corpus.push(Uint8Array.from(input))
    this.#options.onKept?.(input)
  }

  async #try(input: Uint8Array): Promise<void> {
    this.#runs += 1
    this.#options.onRun?.(input)
    const { failure, isAccepted } = await this.#outcome(input)
    if (isAccepted) this.#accepted += 1
    if (failure === undefined) return
    const key = keyOf(failure)
    if (this.#seen.has(key)) return
    const small = await this.#smaller(input, key)
    this.#report(small, failure.fault, failure.stack)
  }

  async #outcome(input: Uint8Array): Promise<Outcome> {
    this.#options.guard.take()
    this.#strays = []
    let failure: Failure | undefined
    let isAccepted = false
    try {
      const result = this.#parser.run(input, this.#options.bench)
      isAccepted = (result instanceof Promise ? await result : result) !== false
    } catch (error) {
      const stack = error instanceof Error ? (error.stack ?? '') : ''
      const fault = error instanceof Broken ? error.message : faultOf(error, this.#parser)
      if (fault !== undefined) failure = { fault, stack }
    }
    const [stray] = this.#strays
    if (stray !== undefined)
      failure ??= { fault: `stray ${inspect(stray).split('\n')[0]}`, stack: inspect(stray) }
    const beyond = this.#options.guard.take()
    if (beyond !== undefined) failure ??= { fault: beyond, stack: '' }
    return { failure, isAccepted }
  }

  /** A shorter input that fails in the same way, found by leaving pieces out. */
  async #smaller(input: Uint8Array, key: string): Promise<Uint8Array> {
    let best = input
    let left = 200
    for (let piece = input.length >> 1; piece >= 1 && left > 0; piece >>= 1) {
      for (let at = 0; at < best.length && left > 0; left -= 1) {
        const shorter = Buffer.concat([best.subarray(0, at), best.subarray(at + piece)])
        const { failure } = await this.#outcome(shorter)
        if (failure !== undefined && keyOf(failure) === key) best = shorter
        else at += piece
      }
    }
    return best
  }

  #report(input: Uint8Array, fault: string, stack: string): void {
    const key = keyOf({ fault, stack })
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    this.#options.onFinding({ parser: this.#parser.name, fault, key, stack, input })
  }
}

interface Outcome {
  readonly failure: Failure | undefined
  readonly isAccepted: boolean
}

interface Failure {
  readonly fault: string
  readonly stack: string
}

/** Inputs that fail at the same place fail in the same way. */
function keyOf({ fault, stack }: Failure): string {
  const place = /at .*\/src\/.*/.exec(stack)?.[0] ?? ''
  return `${fault.replaceAll(/\d+/g, 'N').slice(0, 60)} ${place}`
}

function openFiles(): number {
  return readdirSync('/proc/self/fd').length
}
