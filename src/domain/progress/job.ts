import { CancelledError, messageOf } from '../../errors.ts'
import { anySignal } from '../../io/any-signal.ts'
import { removeFile } from '../../io/files/file-names.ts'
import { readText } from '../../io/records/text-file.ts'
import { identifyProcess } from '../../qemu/process/process-identity.ts'
import { type JobOperation, type StoredJob, writeJob } from '../store/job-record.ts'
import type { OnProgress, RestoreProgress, SaveProgress } from './progress.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'

/** A job as other processes read it. */
export type JobRecord = StoredJob<SaveProgress | RestoreProgress>

const WRITE_MS = 400
const LOOK_MS = 100

type Progress = SaveProgress | RestoreProgress

/** A save or restore in progress, which other processes can watch and cancel. Its owner holds the domain's lock; dispose the job before the lock. */
export class Job implements AsyncDisposable {
  /** Aborted by the caller's own signal, and by another process (`domjobabort`). */
  readonly signal: AbortSignal
  readonly #paths: RuntimePaths
  #onProgress: OnProgress<never> | undefined
  readonly #abort: AbortController
  readonly #timer: NodeJS.Timeout
  readonly #startMs = performance.now()
  #record: JobRecord
  #writing: Promise<void> = Promise.resolve()
  #writtenMs = 0

  private constructor(
    paths: RuntimePaths,
    record: JobRecord,
    options: { readonly signal?: AbortSignal | undefined; readonly onProgress?: unknown },
  ) {
    this.#paths = paths
    this.#record = record
    this.#onProgress = options.onProgress as OnProgress<never> | undefined
    this.#abort = new AbortController()
    this.signal = anySignal(this.#abort.signal, options.signal)
    this.#timer = setInterval(() => void this.#look(), LOOK_MS)
    this.#timer.unref()
  }

  /** Begins a job; `options` are those of the operation. */
  static async begin(
    paths: RuntimePaths,
    operation: JobOperation,
    options: { readonly signal?: AbortSignal | undefined; readonly onProgress?: unknown },
  ): Promise<Job> {
    const identity = await identifyProcess(process.pid)
    await removeFile(paths.jobAbort).catch(() => undefined)
    const startedAt = new Date().toISOString()
    const job = new Job(
      paths,
      {
        operation,
        id: `${process.pid}-${startedAt}`,
        process: identity ?? { pid: process.pid, startTime: 0, bootId: '' },
        startedAt,
        elapsedMs: 0,
        progress: undefined,
        transfer: undefined,
      },
      options,
    )
    job.#write()
    return job
  }

  /** The operation calls this with its progress. Reports to the caller, and about twice a second to other processes. */
  readonly report = (progress: Progress): void => {
    this.#tell(progress)
    const moves = progress.phase === 'transferring' || progress.phase === 'loading'
    const changed = progress.phase !== this.#record.progress?.phase
    this.#record = {
      ...this.#record,
      progress,
      elapsedMs: performance.now() - this.#startMs,
      transfer: moves ? progress : this.#record.transfer,
    }
    if (changed || performance.now() - this.#writtenMs >= WRITE_MS) this.#write()
  }

  /** Records which image the operation is about to write, with its next report. */
  writes(image: string): void {
    this.#record = { ...this.#record, image }
  }

  /** Records the success of the operation; returns its result. */
  complete<Result>(result: Result): Result {
    this.#record = { ...this.#record, outcome: 'completed', result }
    return result
  }

  /** Records a failure; returns the error. */
  failed(error: unknown): unknown {
    const isCancel = error instanceof CancelledError
    const outcome = isCancel ? 'cancelled' : 'failed'
    // The step at which a job was cancelled is of no use to anybody.
    const text = messageOf(isCancel ? (error.cause ?? 'Cancelled') : error)
    this.#record = { ...this.#record, outcome, error: text }
    return error
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#writing
    const elapsedMs = performance.now() - this.#startMs
    // It ended before its work began.
    const cut: Pick<JobRecord, 'outcome' | 'error'> = this.signal.aborted
      ? { outcome: 'cancelled', error: messageOf(this.signal.reason) }
      : { outcome: 'failed' }
    const isCut = this.#record.outcome === undefined
    const record = { ...this.#record, ...(isCut && cut), elapsedMs }
    await writeJob(this.#paths.lastJob, record).catch(() => undefined)
    // Last, because processes that wait for the end of the job then read how it ended.
    for (const path of [this.#paths.jobAbort, this.#paths.job])
      await removeFile(path).catch(() => undefined)
  }

  /** A callback that throws cancels the operation: thrown into it from a timer, or after the commit point, it would do harm. */
  #tell(progress: Progress): void {
    try {
      ;(this.#onProgress as OnProgress<Progress> | undefined)?.(progress)
    } catch (error) {
      this.#onProgress = undefined
      this.#abort.abort(error)
    }
  }

  #write(): void {
    this.#writtenMs = performance.now()
    const { outcome, ...record } = this.#record
    if (outcome !== undefined || record.progress?.phase === 'ending') return
    this.#writing = this.#writing
      .then(() => writeJob(this.#paths.job, record))
      // A failure to write progress does not disturb the operation.
      .catch(() => undefined)
  }

  async #look(): Promise<void> {
    const asked = await readText(this.#paths.jobAbort).catch(() => undefined)
    if (asked === this.#record.id) this.#abort.abort(new Error('Cancelled by domjobabort'))
  }
}
