import { processorTimes } from '../../qemu/process/processor-times.ts'
import { waitsForProtected } from '../../qemu/process/protected-wait.ts'
import type { QmpConnection } from '../../qmp/connection.ts'

/** What a guest lost while it was saved: parts of the time, from 0 to 1, on average over its processors. */
export interface GuestSpeed {
  /** How much of the time the processors of the guest ran on the host before the save. */
  readonly ranBefore: number
  /** How much of the time they ran during the save. A guest that has less to do then runs less as well. */
  readonly ranDuring: number
  /** How much of the time they waited to write to a page that QEMU had not sent yet, by samples; `undefined` if that cannot be seen. */
  readonly waited: number | undefined
}

/** The processor time of a guest up to a moment. */
export interface GuestTimes {
  readonly atMs: number
  /** The threads of its processors. */
  readonly threads: readonly number[]
  readonly ranNs: number
}

const SAMPLE_MS = 10

/** Shorter times say nothing. */
const LEAST_MS = 50

/** The processor time of a guest so far; `undefined` where it cannot be seen. @throws QemuError QEMU_DIED */
export async function guestTimes(
  control: QmpConnection,
  pid: number,
): Promise<GuestTimes | undefined> {
  const processors = await control.execute('query-cpus-fast')
  const threads = processors.map(({ 'thread-id': thread }) => thread)
  return timesOf(pid, threads)
}

async function timesOf(pid: number, threads: readonly number[]): Promise<GuestTimes | undefined> {
  const times = await Promise.all(threads.map((thread) => processorTimes(pid, thread)))
  const ran = times.map((one) => one?.ranNs)
  const atMs = performance.now()
  if (ran.length === 0 || ran.includes(undefined)) return undefined
  return { atMs, threads, ranNs: ran.reduce<number>((sum, one) => sum + (one ?? 0), 0) }
}

/** Watches the processors of a guest from its making, when the save begins, until it is disposed. `earlier` is from some time before. */
export class SpeedMeter implements Disposable {
  readonly #pid: number
  readonly #earlier: GuestTimes
  readonly #begin: GuestTimes
  readonly #timer: NodeJS.Timeout
  #samples = 0
  #waits = 0
  #sees = false

  private constructor(pid: number, earlier: GuestTimes, begin: GuestTimes) {
    this.#pid = pid
    this.#earlier = earlier
    this.#begin = begin
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS)
  }

  /** `undefined` where the times of the guest cannot be seen. */
  static async begin(
    pid: number,
    earlier: GuestTimes | undefined,
  ): Promise<SpeedMeter | undefined> {
    if (earlier === undefined) return undefined
    const begin = await timesOf(pid, earlier.threads)
    return begin && new SpeedMeter(pid, earlier, begin)
  }

  /** How the guest got on until now; `undefined` if that was too short. */
  async speed(): Promise<GuestSpeed | undefined> {
    const end = await timesOf(this.#pid, this.#earlier.threads)
    if (end === undefined) return undefined
    const ranBefore = share(this.#earlier, this.#begin)
    const ranDuring = share(this.#begin, end)
    if (ranBefore === undefined || ranDuring === undefined) return undefined
    const waited = this.#sees && this.#samples > 0 ? this.#waits / this.#samples : undefined
    return { ranBefore, ranDuring, waited }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #sample(): void {
    for (const thread of this.#earlier.threads) {
      this.#samples += 1
      if (waitsForProtected(this.#pid, thread) === true) this.#waits += 1
    }
    // The main thread of QEMU waits for events most of the time.
    this.#sees ||= waitsForProtected(this.#pid, this.#pid) !== undefined
  }
}

function share(from: GuestTimes, to: GuestTimes): number | undefined {
  const ms = to.atMs - from.atMs
  if (ms < LEAST_MS) return undefined
  return (to.ranNs - from.ranNs) / 1e6 / ms / from.threads.length
}
