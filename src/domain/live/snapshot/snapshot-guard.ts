import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { programUrl } from '../../../io/program-url.ts'
import { closeDescriptor, duplicateDescriptor } from '../../../io/system-calls.ts'
import { permitWrites } from '../../../qemu/process/write-protection.ts'
import { ProcessWatcher } from '../../../qemu/process/spawn-watcher.ts'
import type { QmpConnection } from '../../../qmp/connection.ts'
import type { HeldDomain } from '../../catalogue/held-domain.ts'
import { releaseSnapshot } from '../../catalogue/release-snapshot.ts'
import { readRecord, writeRecord } from '../../store/runtime-record.ts'
import type { KilledSnapshot } from './settle-killed-snapshot.ts'

/** The program of the watcher. */
const PROGRAM: string = fileURLToPath(
  programUrl(new URL('./killed-snapshot-main.ts', import.meta.url)),
)

const PERMIT_MS = 20

/** A snapshot that must have an end. */
export interface GuardedSnapshot {
  /** Whether the guest runs. */
  readonly running: boolean
  /** The path of the future image: what is there of it is removed if this process is killed. */
  readonly image?: string | undefined
  /** The file systems of the guest are frozen for it. */
  readonly freezes?: boolean | undefined
}

/**
 * Takes the memory of a guest that continues, and makes sure that it continues: also after a failure, and if this process is killed.
 * @throws the error of `capture`; StorageError
 */
export async function guarded<T>(
  held: HeldDomain,
  { control, ...snapshot }: GuardedSnapshot & { readonly control: QmpConnection },
  capture: (guard: SnapshotGuard) => Promise<T>,
): Promise<T> {
  await using guard = await SnapshotGuard.begin(held, snapshot)
  let captured: T
  try {
    captured = await capture(guard)
  } catch (error) {
    // If this fails, the next command tries it again: the record still names the snapshot.
    await guard.release(control).catch(() => undefined)
    throw error
  }
  await guard.completed()
  return captured
}

/**
 * Makes sure that the guest of a live save continues, however that ends: QEMU may have stopped it, and QEMU before 8.1 leaves memory protected unless a snapshot
 * completes. The record of the domain names the snapshot from before it begins until after its end, so the next command ends it if everything of ours was
 * killed. A process of its own ends it at once if only this one was.
 */
export class SnapshotGuard implements AsyncDisposable {
  readonly #held: HeldDomain
  readonly #running: boolean
  #watcher: ProcessWatcher
  #open = true

  private constructor(held: HeldDomain, running: boolean) {
    this.#held = held
    this.#running = running
    this.#watcher = watch(held, undefined)
  }

  /** Records the snapshot and starts the watcher. @throws StorageError */
  static async begin(held: HeldDomain, snapshot: GuardedSnapshot): Promise<SnapshotGuard> {
    const record = (await readRecord(held.paths)) ?? held.requireRunning()
    await writeRecord(held.paths, { ...record, snapshot })
    const guard = new SnapshotGuard(held, snapshot.running)
    await guard.#watcher.started
    return guard
  }

  /**
   * Lets the watcher keep the connection on which QEMU sends. If this process is killed, the connection does not break, and the watcher receives and discards
   * the rest.
   */
  async hold(fd: number): Promise<void> {
    const copy = duplicateDescriptor(fd)
    try {
      const next = watch(this.#held, copy)
      await next.started
      const former = this.#watcher
      this.#watcher = next
      await former[Symbol.asyncDispose]()
    } finally {
      closeDescriptor(copy)
    }
  }

  /**
   * Permits every write from when the snapshot fails until this is disposed. While QEMU before 8.1 ends a snapshot that was cancelled or broke, its main thread
   * may wait for a write, and with it the monitor. `failed` rejects when our end has failed.
   */
  permitAfterFailure(
    control: QmpConnection,
    { failed, signal }: { readonly failed: Promise<unknown>; readonly signal: AbortSignal },
  ): Disposable {
    const { pid } = this.#held.requireRunning()
    const over = new AbortController()
    const permit = async (): Promise<void> => {
      while (!over.signal.aborted) {
        await permitWrites(pid).catch(() => undefined)
        await delay(PERMIT_MS)
      }
    }
    const begin = atOnce(() => void permit())
    failed.catch(begin)
    signal.addEventListener('abort', begin, { once: true, signal: over.signal })
    void watchFailure(control, over.signal).then(begin, () => undefined)
    return { [Symbol.dispose]: () => over.abort() }
  }

  /** After QEMU's `completed`: nothing is protected any more. @throws StorageError */
  async completed(): Promise<void> {
    await this.#withdraw()
  }

  /**
   * After a failure, and to cancel: ends the snapshot and lets the guest write. `control` is our connection to the monitor for operations.
   * @throws as `releaseSnapshot`
   */
  async release(control: QmpConnection): Promise<void> {
    const { paths } = this.#held
    const { pid } = this.#held.requireRunning()
    const snapshot = { pid, monitor: paths.controlSocket, running: this.#running, control }
    await releaseSnapshot(snapshot)
    await this.#withdraw()
  }

  /** Dismisses the watcher. A snapshot that was neither completed nor released stays in the record for the next command. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watcher[Symbol.asyncDispose]()
  }

  async #withdraw(): Promise<void> {
    if (!this.#open) return
    const record = await readRecord(this.#held.paths)
    if (record !== undefined)
      await writeRecord(this.#held.paths, { ...record, snapshot: undefined })
    this.#open = false
  }
}

/** Waits until QEMU reports that its migration is being cancelled, or has failed. @throws CancelledError, QmpLost */
async function watchFailure(control: QmpConnection, signal: AbortSignal): Promise<void> {
  using events = control.listen('MIGRATION')
  for (;;) {
    const status = (await events.next({ signal }))?.data.status
    if (status === 'cancelling' || status === 'cancelled' || status === 'failed') return
  }
}

function atOnce(act: () => void): () => void {
  let done = false
  return () => {
    if (!done) act()
    done = true
  }
}

/** `fd`: the connection that it keeps. */
function watch({ name, directories }: HeldDomain, fd: number | undefined): ProcessWatcher {
  const killed: KilledSnapshot = { name, directories, pid: process.pid, holds: fd !== undefined }
  const compileCache = join(directories.stateDir, 'cache', 'node')
  const fds = fd === undefined ? [] : [fd]
  return new ProcessWatcher(PROGRAM, [JSON.stringify(killed)], { compileCache, fds })
}
