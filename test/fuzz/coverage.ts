import { type Profiler, Session } from 'node:inspector'

/** A part of a source file, from `start` to `end`. */
interface Span {
  readonly start: number
  readonly end: number
}

/** What of a function has not run so far. */
interface Known {
  readonly length: number
  readonly missed: readonly Span[]
}

/** What has run, by file. */
export type Run = readonly Profiler.ScriptCoverage[]

/**
 * Which parts of the sources have run, from V8's own block coverage (Chrome DevTools protocol, `Profiler.takePreciseCoverage`). Taking it resets the
 * counters, and lists only functions that have run since.
 */
export class Coverage implements Disposable {
  readonly #session = new Session()
  readonly #files: RegExp
  readonly #functions = new Map<string, Known>()

  /** Counts only files whose URL matches. */
  constructor(files: RegExp) {
    this.#files = files
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true })
  }

  /** Number of characters of source that have run. */
  get covered(): number {
    let sum = 0
    for (const { length, missed } of this.#functions.values()) sum += length - lengthOf(missed)
    return sum
  }

  /** What has run since the last call. */
  take(): Run {
    let found: Run = []
    // The answer comes before the call returns.
    this.#session.post('Profiler.takePreciseCoverage', (_error, { result }) => {
      found = result.filter(({ url }) => this.#files.test(url))
    })
    return found
  }

  /** Whether code is in a run that was in none that `add` got. */
  isNew(run: Run): boolean {
    return rangesOf(run).some(([key, ranges]) => this.#after(key, ranges) !== undefined)
  }

  /** Adds a run; returns whether it had new code. */
  add(run: Run): boolean {
    let grown = false
    for (const [key, ranges] of rangesOf(run)) {
      const known = this.#after(key, ranges)
      if (known === undefined) continue
      this.#functions.set(key, known)
      grown = true
    }
    return grown
  }

  [Symbol.dispose](): void {
    this.#session.disconnect()
  }

  /** What is known of a function after a run of it; `undefined` when that is nothing new. */
  #after(key: string, [whole, ...inner]: readonly Profiler.CoverageRange[]): Known | undefined {
    if (whole === undefined || whole.count === 0) return undefined
    const known = this.#functions.get(key)
    if (known?.missed.length === 0) return undefined
    const missed = missedOf(inner)
    const length = whole.endOffset - whole.startOffset
    if (known === undefined) return { length, missed }
    const still = common(known.missed, missed)
    return lengthOf(still) === lengthOf(known.missed) ? undefined : { length, missed: still }
  }
}

function rangesOf(run: Run): readonly (readonly [string, readonly Profiler.CoverageRange[]])[] {
  return run.flatMap(({ url, functions }) =>
    functions.map(({ ranges }) => [`${url} ${ranges[0]?.startOffset}`, ranges] as const),
  )
}

/** The ranges are nested and in order: a range inside one that did not run may have run, as a `catch` does. */
function missedOf(ranges: readonly Profiler.CoverageRange[]): readonly Span[] {
  let missed: readonly Span[] = []
  for (const { startOffset: start, endOffset: end, count } of ranges) {
    const outside = missed.flatMap((span) => without(span, { start, end }))
    missed = count === 0 ? [...outside, { start, end }] : outside
  }
  return missed.toSorted((a, b) => a.start - b.start)
}

function without(span: Span, hole: Span): readonly Span[] {
  const parts = [
    { start: span.start, end: Math.min(span.end, hole.start) },
    { start: Math.max(span.start, hole.end), end: span.end },
  ]
  return parts.filter(({ start, end }) => start < end)
}

function common(one: readonly Span[], other: readonly Span[]): readonly Span[] {
  return one.flatMap((a) =>
    other.flatMap((b) => {
      const [start, end] = [Math.max(a.start, b.start), Math.min(a.end, b.end)]
      return start < end ? [{ start, end }] : []
    }),
  )
}

function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { start, end }) => sum + end - start, 0)
}
