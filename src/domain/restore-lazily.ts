import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { InternalError } from '../errors.ts'
import type { SavedMachine } from '../image/saved-machine.ts'
import { devicesLoaded, startPostcopy } from '../migration/postcopy.ts'
import { memoryBackends } from '../qemu/command-line/memory.ts'
import type { SpawnedChild } from '../qemu/spawn-detached.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import { faultError, readFill, removeFill, writeFill } from './fill-record.ts'
import { machineKey } from './machine-key.ts'
import { startPageServer } from './page-server-process.ts'
import type { RestorePlan } from './restore-plan.ts'
import type { RuntimePaths } from './runtime-paths.ts'

const LOOK_MS = 50

/**
 * The page server of a restore that is under way: it is started beside QEMU, and lives on until all memory is there. Disposing it
 * ends it unless it is kept.
 */
export class FillStart implements AsyncDisposable {
  readonly #paths: RuntimePaths
  readonly #supervisor: SpawnedChild
  #kept = false

  private constructor(paths: RuntimePaths, supervisor: SpawnedChild) {
    this.#paths = paths
    this.#supervisor = supervisor
  }

  /** Starts the page server, which opens the image and waits for QEMU. @throws ImageError, StorageError, QemuError */
  static async begin(
    paths: RuntimePaths,
    image: SavedMachine,
    plan: RestorePlan,
    options: { readonly direct: boolean; readonly readers: number; readonly stateDir: string },
  ): Promise<FillStart> {
    const state = await image.deviceState?.()
    if (state === undefined) throw new InternalError(`${image.path} has no device state`)
    await writeFill(paths, {
      image: image.path,
      machine: machineKey(state),
      direct: options.direct,
      readers: options.readers,
      hostPageSizes: await hostPageSizes(plan),
    })
    const { stateDir } = options
    const supervisor = await startPageServer(paths, 'supervisor', { recover: false, stateDir })
    return new FillStart(paths, supervisor)
  }

  /**
   * Lets QEMU take its devices from the page server. Gives QEMU's reason when it cannot be filled while the guest runs; nothing has
   * happened then.
   * @throws ImageError, StorageError, QemuError, CancelledError
   */
  async loadDevices(
    control: QmpConnection,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const refused = await startPostcopy(control, `unix:${this.#paths.migrationSocket}`, { signal })
    if (refused === undefined) await this.watch((bounds) => devicesLoaded(control, bounds), signal)
    return refused
  }

  /**
   * Does what waits for QEMU, which may wait for a page itself: ends when the page server says that the page will not come.
   * @throws ImageError, StorageError, QemuError, CancelledError
   */
  async watch(
    act: (bounds: { readonly signal: AbortSignal }) => Promise<unknown>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const over = new AbortController()
    const bounds = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal])
    try {
      await Promise.race([act({ signal: bounds }), this.#failure(over.signal)])
    } catch (error) {
      // A damaged image shows in QEMU first; the page server knows better, if it gets to say so.
      if (signal?.aborted !== true) await delay(2 * LOOK_MS)
      const fault = (await readFill(this.#paths))?.fault
      throw fault?.kind === 'image' || fault?.kind === 'storage' ? faultError(fault) : error
    } finally {
      over.abort()
    }
  }

  /** Leaves the page server to its work. */
  keep(): void {
    this.#kept = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#kept) return
    await endFill(this.#supervisor)
    await removeFill(this.#paths)
  }

  /** Rejects when the page server cannot do its work. */
  async #failure(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const fault = (await readFill(this.#paths))?.fault
      if (fault !== undefined) throw faultError(fault)
      if (this.#supervisor.ended.aborted && (await readFill(this.#paths)) !== undefined) {
        const reason = String(this.#supervisor.ended.reason)
        throw new InternalError(
          `The page server ended early: ${reason}; see ${this.#paths.fillLog}`,
        )
      }
      await delay(LOOK_MS, undefined, { signal: over }).catch(() => undefined)
    }
  }
}

const END_MS = 2000

async function endFill(supervisor: SpawnedChild): Promise<void> {
  if (supervisor.ended.aborted) return
  try {
    process.kill(supervisor.pid, 'SIGTERM')
  } catch {
    return
  }
  await delay(END_MS, undefined, { signal: supervisor.ended }).catch(() => undefined)
  if (!supervisor.ended.aborted) await supervisor.kill()
}

/** The sizes of the host pages behind RAM blocks, where these are huge. */
async function hostPageSizes({ domain }: RestorePlan): Promise<Readonly<Record<string, number>>> {
  const { hugepages } = domain.memoryBacking
  if (hugepages === undefined) return {}
  const size = hugepages.sizeBytes ?? (await defaultHugePageSize())
  return Object.fromEntries(memoryBackends(domain).map(({ id }) => [id, size]))
}

async function defaultHugePageSize(): Promise<number> {
  const found = /^Hugepagesize:\s+(\d+) kB$/m.exec(await readFile('/proc/meminfo', 'latin1'))
  return Number(found?.[1] ?? 2048) * 1024
}
