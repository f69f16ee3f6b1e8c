import type { HostProgress } from '../../domain/host/host-progress.ts'
import { type HostGuest, hostLine, hostLines } from './host-lines.ts'
import type { Output } from './output.ts'
import { everyInterval } from './plain-interval.ts'
import type { AnyProgress } from './progress-line.ts'

interface Shown {
  readonly json: boolean
  readonly quiet: boolean
  readonly output: Output
}

/** Shows an act on all guests of a host until it is disposed: live lines on a terminal, otherwise a line every 10 seconds. Nothing with `-q` or `--json`. */
export class HostDisplay implements Disposable {
  readonly #invocation: Shown
  readonly #done: string
  readonly #plain: Disposable
  readonly #guests = new Map<string, HostGuest>()
  #startMs = performance.now()

  /** `done` is the word for a guest whose turn is over: `saved`. */
  constructor(invocation: Shown, done: string) {
    this.#invocation = invocation
    this.#done = done
    this.#plain = everyInterval(() => {
      if (this.#isShown && this.#columns === undefined && this.#guests.size > 0)
        this.#invocation.output.note(hostLine(this.#act()))
    })
  }

  /** For `onProgress`. */
  readonly show = (event: HostProgress<AnyProgress>): void => {
    if (event.phase === 'planned') {
      this.#startMs = performance.now()
      for (const guest of event.domains) this.#guests.set(guest.name, guest)
      return
    }
    const { name, progress } = event
    const before = this.#guests.get(name)
    if (before?.end !== undefined) return
    const total = 'percent' in progress && progress.ramTotalBytes > 0 && progress.ramTotalBytes
    const memoryBytes = before?.memoryBytes ?? (total === false ? undefined : total)
    this.#guests.set(name, { name, memoryBytes, progress })
    this.#draw()
  }

  /** A guest is done, or stays as it is; `line` says so. */
  end(name: string, end: 'done' | 'left', line: string): void {
    const memoryBytes = this.#guests.get(name)?.memoryBytes
    this.#guests.set(name, { name, memoryBytes, end })
    this.#invocation.output.note(line)
    this.#draw()
  }

  #draw(): void {
    const columns = this.#columns
    if (columns === undefined || !this.#isShown) return
    const { output } = this.#invocation
    output.liveLines(hostLines(this.#act(), { columns, rows: output.liveRows }))
  }

  #act() {
    const elapsedMs = performance.now() - this.#startMs
    return { done: this.#done, guests: [...this.#guests.values()], elapsedMs }
  }

  get #isShown(): boolean {
    return !this.#invocation.json && !this.#invocation.quiet
  }

  get #columns(): number | undefined {
    return this.#invocation.output.liveColumns
  }

  [Symbol.dispose](): void {
    this.#plain[Symbol.dispose]()
    this.#invocation.output.endLiveLines()
  }
}
