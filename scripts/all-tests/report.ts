import { once } from 'node:events'
import { PassThrough, type Readable } from 'node:stream'
import { spec } from 'node:test/reporters'
import type { TestEvent } from 'node:test/reporters'

/** What a summary counts, and what the report of `node --test` calls it. */
const COUNTS = [
  ['tests', 'tests'],
  ['suites', 'suites'],
  ['passed', 'pass'],
  ['failed', 'fail'],
  ['cancelled', 'cancelled'],
  ['skipped', 'skipped'],
  ['todo', 'todo'],
] as const

/** The report of several runs as one, on standard output. */
export class Report {
  readonly #events = new PassThrough({ objectMode: true })
  readonly #output: Readable = this.#events.compose(new spec())
  readonly #counts = new Map<string, number>()
  readonly #files: { readonly name: string; readonly ms: number }[] = []
  readonly #startMs = performance.now()

  constructor() {
    this.#output.pipe(process.stdout, { end: false })
  }

  /** Whether all tests have passed so far. */
  get passed(): boolean {
    return ['failed', 'cancelled'].every((name) => !this.#counts.get(name))
  }

  /** Adds the events of one run of `file`, as a whole: those of several at a time would mix. */
  async add(file: string, events: AsyncIterable<TestEvent>): Promise<void> {
    const startMs = performance.now()
    const all: TestEvent[] = []
    for await (const event of events) all.push(event)
    this.#files.push({ name: file, ms: performance.now() - startMs })
    for (const event of all) {
      // The last one is the summary of the run, and says the same as its diagnostics.
      if (event.type === 'test:summary' && event.data.file === undefined)
        this.#count(event.data.counts)
      else if (event.type !== 'test:summary' && !isTotal(event)) this.#events.write(event)
    }
  }

  /** Writes the failures again, the longest files and the totals. */
  async end(): Promise<void> {
    for (const { name, ms } of this.#files.toSorted((a, b) => b.ms - a.ms).slice(0, 15))
      this.#say(`${(ms / 1000).toFixed(1).padStart(6)} s ${name}`)
    for (const [count, name] of COUNTS) this.#say(`${name} ${this.#counts.get(count) ?? 0}`)
    this.#say(`duration_ms ${Math.round(performance.now() - this.#startMs)}`)
    const ended = once(this.#output, 'end')
    this.#events.end()
    await ended
  }

  #say(message: string): void {
    this.#events.write({ type: 'test:diagnostic', data: { nesting: 0, message, level: 'info' } })
  }

  #count(counts: Readonly<Record<string, number>>): void {
    for (const [name, count] of Object.entries(counts))
      this.#counts.set(name, (this.#counts.get(name) ?? 0) + count)
  }
}

function isTotal(event: TestEvent): boolean {
  return (
    event.type === 'test:diagnostic' &&
    event.data.nesting === 0 &&
    /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/.test(event.data.message)
  )
}
