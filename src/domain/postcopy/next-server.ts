import type { InheritedFds } from './page-server-call.ts'
import { closeDescriptor, connectedPair } from '../../io/system-calls.ts'
import { identifyProcess } from '../../qemu/process/process-identity.ts'
import type { SpawnedChild } from '../../qemu/process/spawn-detached.ts'
import { packHandOver } from '../../transfer/page-server/hand-over.ts'
import { changePostcopyRecord, readPostcopyRecord } from '../store/postcopy-record.ts'
import type { FirstPages } from './first-pages.ts'
import { HandOverChannel } from './hand-over-channel.ts'
import { PAGE_SERVER_PROGRAM } from './page-server-program.ts'
import { startNamelessServer, startSupervisor } from './page-server-process.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'

/** How long a page server may take to start. */
const PATIENCE_MS = 60_000

/** The restore and the directories of the server. */
export interface NextServerOptions {
  /** Id of the restore, see `PostcopyRecord`. */
  readonly id: string
  readonly stateDir: string
  /** The parent of the runtime directories of all domains. */
  readonly runtimeDir: string
}

/** The descriptors that the server inherits: the connection to QEMU, the monitor, the watcher and the image. */
export type NextServerFds = Omit<InheritedFds, 'handOver' | 'image'> & { readonly image?: number }

/**
 * The page server that continues where that of the restoring process stops. Its process starts before anything is known of the domain. It waits until the restore is
 * recorded, then opens the image, then waits until it is to take over. It ends by itself if this process ends before that.
 */
export class NextServer {
  readonly #options: NextServerOptions
  readonly #child: SpawnedChild
  readonly #channel: HandOverChannel

  private constructor(options: NextServerOptions, child: SpawnedChild, channel: HandOverChannel) {
    this.#options = options
    this.#child = child
    this.#channel = channel
  }

  /** Starts its process. Call `recorded` next. @throws QemuError */
  static async start(options: NextServerOptions, fds: NextServerFds): Promise<NextServer> {
    const [theirs, ours] = connectedPair()
    const channel = new HandOverChannel(ours)
    try {
      const inherit = { ...fds, handOver: theirs }
      const { runtimeDir, ...rest } = options
      const program = PAGE_SERVER_PROGRAM
      const child = await startNamelessServer(runtimeDir, { ...rest, program, inherit })
      return new NextServer(options, child, channel)
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

  /** Tells it that the restore of a domain is recorded. */
  recorded(name: string): void {
    this.#channel.sendName(name)
  }

  /** Ends its process, before `takeOver`. */
  async discard(): Promise<void> {
    this.#channel[Symbol.dispose]()
    await this.#child.kill()
  }

  /**
   * Lets the server take over as soon as it is ready, then disposes `first`; also disposes it when the server will not be ready. If either process
   * dies during the hand-over, QEMU notices the broken connection, and a supervisor, which the new server starts, starts a replacement. Not awaited,
   * so it never rejects. Returns whether it has taken over.
   */
  async takeOver(paths: RuntimePaths, first: FirstPages): Promise<boolean> {
    using _channel = this.#channel
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const taken = await this.#passOn(paths, first, signal).then(
      () => true,
      () => false,
    )
    await first[Symbol.asyncDispose]().catch(() => undefined)
    if (taken) return true
    await this.#child.kill()
    await this.#startMissingSupervisor(paths).catch(() => undefined)
    return false
  }

  async #passOn(paths: RuntimePaths, first: FirstPages, signal: AbortSignal): Promise<void> {
    const channel = this.#channel
    channel.sendSignal()
    first.sendFirst()
    // Recorded before the server can have started its supervisor, which changes the same file.
    const server = await identifyProcess(this.#child.pid)
    await changePostcopyRecord(paths, this.#options.id, { server })
    await channel.next(signal)
    channel.end(packHandOver(await first.stop()))
    await channel.next(signal)
  }

  /** Not if the domain is gone, or another one has its name. */
  async #startMissingSupervisor(paths: RuntimePaths): Promise<void> {
    if ((await readPostcopyRecord(paths))?.supervisor !== undefined) return
    // This process still runs, but no longer sends anything.
    const record = await changePostcopyRecord(paths, this.#options.id, { server: undefined })
    if (record === undefined) return
    await startSupervisor(paths, { ...this.#options, program: PAGE_SERVER_PROGRAM })
  }
}
