import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { programUrl } from '../../io/program-url.ts'
import { closeDescriptor, duplicateDescriptor } from '../../io/system-calls.ts'
import { ProcessWatcher } from '../../qemu/process/spawn-watcher.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { releaseSnapshot } from '../catalogue/release-snapshot.ts'
import { readRecord, writeRecord } from '../store/runtime-record.ts'
import type { KilledSnapshot } from './settle-killed-snapshot.ts'

/** The program of the watcher. */
const PROGRAM: string = fileURLToPath(
  programUrl(new URL('./killed-snapshot-main.ts', import.meta.url)),
)

/**
 * Makes sure that the guest can write again after a snapshot by write protection, however that ends. The record of the domain names the snapshot from before it
 * begins until after its end, so the next command ends it if everything of ours was killed. A process of its own ends it at once if only this one was.
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

  /** Records the snapshot and starts the watcher. `running`: whether the guest runs. @throws StorageError */
  static async begin(held: HeldDomain, running: boolean): Promise<SnapshotGuard> {
    const record = held.requireRunning()
    const now = (await readRecord(held.paths)) ?? record
    await writeRecord(held.paths, { ...now, snapshot: { running } })
    const guard = new SnapshotGuard(held, running)
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

/** `fd`: the connection that it keeps. */
function watch({ name, directories }: HeldDomain, fd: number | undefined): ProcessWatcher {
  const killed: KilledSnapshot = { name, directories, pid: process.pid, holds: fd !== undefined }
  const compileCache = join(directories.stateDir, 'cache', 'node')
  const fds = fd === undefined ? [] : [fd]
  return new ProcessWatcher(PROGRAM, [JSON.stringify(killed)], { compileCache, fds })
}
