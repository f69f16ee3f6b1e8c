import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { InternalError } from '../errors.ts'
import type { SavedMachine } from '../image/saved-machine.ts'
import { devicesLoaded, startPostcopy } from '../migration/postcopy.ts'
import { memoryBackends } from '../qemu/command-line/memory.ts'
import { identifyProcess } from '../qemu/process-identity.ts'
import type { SpawnedChild } from '../qemu/spawn-detached.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import { faultError, readFill, readFillProgress, removeFill, writeFill } from './fill-record.ts'
import { KeptMonitor } from './kept-monitor.ts'
import { machineKey } from './machine-key.ts'
import { startPageServer, startSupervisor } from './page-server-process.ts'
import type { RestorePlan } from './restore-plan.ts'
import type { RuntimePaths } from './runtime-paths.ts'

const LOOK_MS = 50

/**
 * The page server of a restore that is under way: it is started beside QEMU, gets a supervisor when the guest runs, and lives on until
 * all memory is there. Disposing it before that ends it.
 */
export class FillStart implements AsyncDisposable {
  readonly monitor: KeptMonitor = KeptMonitor.make()
  readonly #paths: RuntimePaths
  readonly #stateDir: string
  readonly #server: SpawnedChild
  #handedOver = false

  private constructor(paths: RuntimePaths, stateDir: string, server: SpawnedChild) {
    this.#paths = paths
    this.#stateDir = stateDir
    this.#server = server
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
    const { stateDir } = options
    await writeFill(paths, {
      image: image.path,
      machine: machineKey(state),
      direct: options.direct,
      readers: options.readers,
      hostPageSizes: await hostPageSizes(plan),
    })
    const server = await startPageServer(paths, { recover: false, stateDir })
    return new FillStart(paths, stateDir, server)
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
    await this.monitor.negotiate(signal)
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
      const fault = (await readFillProgress(this.#paths))?.fault
      throw fault?.kind === 'image' || fault?.kind === 'storage' ? faultError(fault) : error
    } finally {
      over.abort()
    }
  }

  /** Leaves the page server to its work, with somebody who sees to it. @throws QemuError, StorageError */
  async handOver(): Promise<void> {
    this.#handedOver = true
    const record = await readFill(this.#paths)
    if (record === undefined) return
    await writeFill(this.#paths, { ...record, server: await identifyProcess(this.#server.pid) })
    await startSupervisor(this.#paths, { monitorFd: this.monitor.fd, stateDir: this.#stateDir })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.monitor[Symbol.asyncDispose]()
    if (this.#handedOver) return
    if (!this.#server.ended.aborted) await this.#server.kill()
    await removeFill(this.#paths)
  }

  /** Rejects when the page server cannot do its work. */
  async #failure(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const progress = await readFillProgress(this.#paths)
      if (progress?.fault !== undefined) throw faultError(progress.fault)
      if (this.#server.ended.aborted && progress?.done !== true) {
        const reason = String(this.#server.ended.reason)
        throw new InternalError(
          `The page server ended early: ${reason}; see ${this.#paths.fillLog}`,
        )
      }
      await delay(LOOK_MS, undefined, { signal: over }).catch(() => undefined)
    }
  }
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
