import { closeDescriptor, connectedPair } from '../../io/system-calls.ts'
import { identifyProcess } from '../../qemu/process/process-identity.ts'
import type { SpawnedChild } from '../../qemu/process/spawn-detached.ts'
import { packHandOver } from '../../transfer/page-server/hand-over.ts'
import { changePostcopyRecord, readPostcopyRecord } from '../store/postcopy-record.ts'
import type { FirstPages } from './first-pages.ts'
import { HandOverChannel } from './hand-over-channel.ts'
import { PAGE_SERVER_PROGRAM } from './page-server-program.ts'
import { startPageServer, startSupervisor } from './page-server-process.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'

/** How long a page server may take to start. */
const PATIENCE_MS = 60_000

/** The domain and the directories of the server. */
export interface NextServerOptions {
  /** Id of the restore, see `PostcopyRecord`. */
  readonly id: string
  readonly stateDir: string
}

/**
 * The page server that continues where that of the restoring process stops. Its process waits until the restore is recorded, then opens the image, then
 * waits until it is to take over. It ends by itself if this process ends before that.
 */
export class NextServer {
  readonly #paths: RuntimePaths
  readonly #options: NextServerOptions
  readonly #child: SpawnedChild
  readonly #channel: HandOverChannel

  private constructor(
    paths: RuntimePaths,
    options: NextServerOptions,
    child: SpawnedChild,
    channel: HandOverChannel,
  ) {
    this.#paths = paths
    this.#options = options
    this.#child = child
    this.#channel = channel
  }

  /** Starts its process; `fds` are the connection to QEMU, the monitor and the image. Call `recorded` next. @throws QemuError, StorageError */
  static async start(
    paths: RuntimePaths,
    options: NextServerOptions,
    fds: { readonly connection: number; readonly monitor: number; readonly image?: number },
  ): Promise<NextServer> {
    const [theirs, ours] = connectedPair()
    const channel = new HandOverChannel(ours)
    try {
      const inherit = { ...fds, handOver: theirs }
      const child = await startPageServer(paths, {
        ...options,
        program: PAGE_SERVER_PROGRAM,
        inherit,
      })
      return new NextServer(paths, options, child, channel)
    } catch (error) {
      channel[Symbol.dispose]()
      throw error
    } finally {
      closeDescriptor(theirs)
    }
  }

  /** Whether its process has ended. */
  get hasEnded(): boolean {
    return this.#child.ended.aborted
  }

  /** Tells it that the restore is recorded. */
  recorded(): void {
    this.#channel.sendSignal()
  }

  /** Ends its process, before `takeOver`. */
  async discard(): Promise<void> {
    this.#channel[Symbol.dispose]()
    await this.#child.kill()
  }

  /**
   * Lets the server take over as soon as it is ready, then disposes `first`; also disposes it when the server will not be ready. If either process
   * dies during the hand-over, QEMU notices the broken connection, and a supervisor, which the new server starts, starts a replacement. Not awaited,
   * so it never rejects.
   */
  async takeOver(first: FirstPages): Promise<void> {
    using _channel = this.#channel
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const taken = await this.#passOn(first, signal).then(
      () => true,
      () => false,
    )
    await first[Symbol.asyncDispose]().catch(() => undefined)
    if (taken) return
    await this.#child.kill()
    await this.#startMissingSupervisor().catch(() => undefined)
  }

  async #passOn(first: FirstPages, signal: AbortSignal): Promise<void> {
    const channel = this.#channel
    channel.sendSignal()
    first.sendFirst()
    // Recorded before the server can have started its supervisor, which changes the same file.
    const server = await identifyProcess(this.#child.pid)
    await changePostcopyRecord(this.#paths, this.#options.id, { server })
    await channel.next(signal)
    channel.end(packHandOver(await first.stop()))
    await channel.next(signal)
  }

  /** Not if the domain is gone, or another one has its name. */
  async #startMissingSupervisor(): Promise<void> {
    if ((await readPostcopyRecord(this.#paths))?.supervisor !== undefined) return
    // This process still runs, but no longer sends anything.
    const record = await changePostcopyRecord(this.#paths, this.#options.id, { server: undefined })
    if (record === undefined) return
    await startSupervisor(this.#paths, { ...this.#options, program: PAGE_SERVER_PROGRAM })
  }
}
