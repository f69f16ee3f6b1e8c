import { closeDescriptor, connectedPair } from '../io/system-calls.ts'
import { identifyProcess } from '../qemu/process-identity.ts'
import type { SpawnedChild } from '../qemu/spawn-detached.ts'
import { packHandOver } from '../transfer/hand-over.ts'
import { changeFill, readFill } from './fill-record.ts'
import type { FirstPages } from './first-pages.ts'
import { HandOverChannel } from './hand-over-channel.ts'
import { startPageServer, startSupervisor } from './page-server-process.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/** How long a page server gets to start. */
const PATIENCE_MS = 60_000

/** The page server that goes on where that of the restoring process stops. */
export class NextServer {
  readonly #paths: RuntimePaths
  readonly #stateDir: string
  readonly #child: SpawnedChild
  readonly #channel: HandOverChannel

  private constructor(
    paths: RuntimePaths,
    stateDir: string,
    child: SpawnedChild,
    channel: HandOverChannel,
  ) {
    this.#paths = paths
    this.#stateDir = stateDir
    this.#child = child
    this.#channel = channel
  }

  /** Starts its process; `fds` are the connection to QEMU and the monitor. @throws QemuError, StorageError */
  static async start(
    paths: RuntimePaths,
    stateDir: string,
    fds: { readonly connection: number; readonly monitor: number },
  ): Promise<NextServer> {
    const [theirs, ours] = connectedPair()
    const channel = new HandOverChannel(ours)
    try {
      const inherit = { ...fds, handOver: theirs }
      const child = await startPageServer(paths, { inherit, stateDir })
      return new NextServer(paths, stateDir, child, channel)
    } catch (error) {
      channel[Symbol.dispose]()
      throw error
    } finally {
      closeDescriptor(theirs)
    }
  }

  /**
   * Lets it take over as soon as it is ready, and disposes `first` then, or when it turns out that it will not be. Who dies in between
   * is missed by QEMU, and a supervisor, which the new server starts, brings another. Nobody waits for this: it never rejects.
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
    first.sendFirst()
    // Noted before it can have started its supervisor, which changes the same file.
    await changeFill(this.#paths, { server: await identifyProcess(this.#child.pid) })
    await channel.next(signal)
    channel.end(packHandOver(await first.stop()))
    await channel.next(signal)
  }

  /** Unless the domain is gone, or another by now. */
  async #startMissingSupervisor(): Promise<void> {
    const { server, supervisor } = (await readFill(this.#paths)) ?? {}
    const ours = server?.pid === this.#child.pid || server?.pid === process.pid
    if (!ours || supervisor !== undefined) return
    // This process lives, but brings nothing any more.
    await changeFill(this.#paths, { server: undefined })
    await startSupervisor(this.#paths, { stateDir: this.#stateDir })
  }
}
