import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Refusal } from '../../errors.ts'
import { anySignal } from '../../io/any-signal.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { closeDescriptor } from '../../io/system-calls.ts'
import { startPostcopy } from '../../migration/postcopy.ts'
import { memoryBackends } from '../../qemu/command-line/board/memory.ts'
import { hostMemory } from '../../qemu/host-facts.ts'
import { identifyProcess } from '../../qemu/process/process-identity.ts'
import type { ProcessWatcher } from '../../qemu/process/spawn-watcher.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import {
  readPostcopyRecord,
  removePostcopyRecord,
  writePostcopyRecord,
} from '../store/postcopy-record.ts'
import { orderPath } from '../store/saves/page-order-file.ts'
import { FirstPages } from './first-pages.ts'
import { NextServer } from './next-server.ts'
import { type Preparation, PreparedServer, inheritedBy } from './prepared-server.ts'
import { watchRestore } from './restore-watcher.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { type LaunchNeeds, NEEDS_NOTHING } from '../machine/launch/launch-needs.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { servedImage } from './served-image.ts'

const DEFAULT_HUGE_PAGE = 2048 * 1024

/** The descriptors in QEMU of the sockets that it inherits: for the kept monitor, whose other end follows, and for the stream. */
const MONITOR_IN_QEMU = 3
const STREAM_IN_QEMU = 5

/** How long a page server may take to find that the image caused an error of QEMU. */
const BLAME_MS = 100

/** Settings of a postcopy. */
export interface PostcopyStartOptions {
  /** Bypass the page cache for the image; `undefined`: as suits its format. */
  readonly direct: boolean | undefined
  readonly readers: number
  readonly stateDir: string
  /** The page server, if it has been started before. */
  readonly server?: PreparedServer | undefined
  /** A second name of the image, see `SecondName`. */
  readonly kept?: string | undefined
}

/**
 * The start of a postcopy. The first pages come from this process, which hands over to a page server once the guest runs. Disposing it before that
 * ends the postcopy.
 */
export class PostcopyStart implements AsyncDisposable {
  readonly launchNeeds: LaunchNeeds
  /** With the sockets, and the image for the processes that load the rest. */
  readonly #prepared: Preparation
  readonly #paths: RuntimePaths
  readonly #watcher: ProcessWatcher
  /** Settles once the image is open and the connection to QEMU is in use. */
  readonly #first: Promise<FirstPages>
  #qemuEnd: number | undefined
  #image: AsyncDisposable | undefined
  /** Whether a page server that has started before takes over. */
  #begun: Promise<boolean> | undefined
  /** Set once it is detached or given up. */
  #over = false

  private constructor(
    paths: RuntimePaths,
    image: SavedMachine,
    domain: Domain,
    options: PostcopyStartOptions,
    prepared: Preparation,
  ) {
    this.#paths = paths
    this.#prepared = prepared
    const { id, monitor, watcher } = prepared
    const [qemuEnd, ourEnd] = prepared.stream
    this.#qemuEnd = qemuEnd
    prepared.image?.lock(image.path)
    this.launchNeeds = {
      ...NEEDS_NOTHING,
      inherited: [...monitor.inherited, qemuEnd],
      monitors: [
        { id: 'stasis-postcopy', path: paths.postcopySocket },
        { id: 'stasis-kept', fd: MONITOR_IN_QEMU },
      ],
    }
    this.#watcher = watchRestore(paths, { id, stateDir: options.stateDir, connection: watcher })
    this.#first = openFirst(paths, id, image, domain, ourEnd, options)
    // `loadDevices` reports the error.
    this.#first.catch(() => undefined)
    void this.#announceRecord()
  }

  /** Starts the stream from an open image while QEMU starts. */
  static begin(
    paths: RuntimePaths,
    image: SavedMachine,
    domain: Domain,
    options: PostcopyStartOptions,
  ): PostcopyStart {
    const directories = { stateDir: options.stateDir, runtimeDir: dirname(paths.directory) }
    const prepared = options.server?.take() ?? PreparedServer.begin(image.path, directories).take()
    return new PostcopyStart(paths, image, domain, options, prepared)
  }

  /**
   * Makes QEMU load its devices. Returns QEMU's reason when it does not support postcopy; then nothing has changed.
   * @throws ImageError, StorageError, QemuError, CancelledError
   */
  async loadDevices(
    control: QmpConnection,
    signal: AbortSignal | undefined,
  ): Promise<Refusal<'QEMU_LACKS_FEATURE'> | undefined> {
    this.#closeQemuEnd()
    let refused: Refusal<'QEMU_LACKS_FEATURE'> | undefined
    const start = async (bounds: { readonly signal: AbortSignal }): Promise<void> => {
      refused = await startPostcopy(control, `fd:${STREAM_IN_QEMU}`, bounds)
    }
    await Promise.all([this.#prepared.monitor.negotiate(signal), this.watch(start, signal)])
    return refused
  }

  /**
   * Runs a step that waits for QEMU, which may itself wait for a page; ends the step when that page will not arrive.
   * @throws ImageError, StorageError, QemuError, CancelledError
   */
  async watch(
    act: (bounds: { readonly signal: AbortSignal }) => Promise<unknown>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const first = await this.#first
    const over = new AbortController()
    const bounds = anySignal(over.signal, signal)
    try {
      await Promise.race([act({ signal: bounds }), first.failed])
    } catch (error) {
      // QEMU reports a damaged image first, as an error of its own.
      if (signal?.aborted !== true && first.fault === undefined) await delay(BLAME_MS)
      throw first.fault ?? error
    } finally {
      over.abort()
    }
  }

  /** Lets a page server that has started beside QEMU take over: disposing no longer ends the postcopy. `image` closes the image, after the hand-over. Call `handOver` next. */
  detach(image: AsyncDisposable): void {
    this.#over = true
    this.#image = image
    this.#begun = this.#beginHandOver()
  }

  /**
   * Makes sure that a page server takes over as soon as it is ready, which may be after this has returned. Until then this process serves; if it ends
   * before, the new server makes sure that another is started.
   * @throws QemuError, StorageError
   */
  async handOver(): Promise<void> {
    const first = await this.#first
    try {
      if ((await this.#begun) === true) return
      const next = await this.#lateNext(first)
      first.releaseFd()
      void this.#completeHandOver(next, first)
    } catch (error) {
      await first[Symbol.asyncDispose]()
      await this.#image?.[Symbol.asyncDispose]()
      await this.#watcher[Symbol.asyncDispose]()
      // A domain that was just destroyed needs none.
      if ((await readPostcopyRecord(this.#paths))?.id === this.#prepared.id) throw error
    } finally {
      this.#prepared.image?.[Symbol.dispose]()
      await this.#prepared.monitor[Symbol.asyncDispose]()
    }
  }

  async #announceRecord(): Promise<void> {
    const [next] = await Promise.all([this.#prepared.server, this.#first]).catch(() => [])
    next?.recorded(this.#paths.name)
  }

  /** Begins the hand-over to the server that has started beside QEMU, if it still waits. */
  async #beginHandOver(): Promise<boolean> {
    const next = await this.#prepared.server
    if (next === undefined || next.hasEnded) return false
    const first = await this.#first
    first.releaseFd()
    void this.#completeHandOver(next, first)
    return true
  }

  async #lateNext(first: FirstPages): Promise<NextServer> {
    const { id, directories } = this.#prepared
    // The stream's own descriptor may be closed when QEMU has died.
    const fds = { ...inheritedBy(this.#prepared), connection: first.fd }
    const next = await NextServer.start({ id, ...directories }, fds)
    next.recorded(this.#paths.name)
    return next
  }

  /** Not awaited, so it never rejects. */
  async #completeHandOver(next: NextServer, first: FirstPages): Promise<void> {
    const isTaken = await next.takeOver(this.#paths, first)
    await Promise.allSettled([
      this.#image?.[Symbol.asyncDispose](),
      // The page server dismisses it when it has a supervisor.
      isTaken ? this.#watcher.leave() : this.#watcher[Symbol.asyncDispose](),
    ])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#over) return
    this.#over = true
    this.#closeQemuEnd()
    const { image, monitor, server } = this.#prepared
    image?.[Symbol.dispose]()
    await monitor[Symbol.asyncDispose]()
    await (await server)?.discard()
    const first = await this.#first.catch(() => undefined)
    await first?.[Symbol.asyncDispose]()
    await removePostcopyRecord(this.#paths)
    await this.#watcher[Symbol.asyncDispose]()
  }

  #closeQemuEnd(): void {
    if (this.#qemuEnd !== undefined) closeDescriptor(this.#qemuEnd)
    this.#qemuEnd = undefined
  }
}

/** Records the postcopy, and starts the stream on `fd`, which belongs to us. */
async function openFirst(
  paths: RuntimePaths,
  id: string,
  image: SavedMachine,
  domain: Domain,
  fd: number,
  { direct, readers, stateDir, kept }: PostcopyStartOptions,
): Promise<FirstPages> {
  try {
    const order = orderPath({ stateDir }, image.path)
    const served = await servedImage(image, order)
    const sizes = await hostPageSizes(domain)
    await writePostcopyRecord(paths, {
      id,
      image: image.path,
      kept,
      machine: served.machine,
      direct,
      readers,
      hostPageSizes: sizes,
      orderPath: order,
      server: await identifyProcess(process.pid),
    })
    return new FirstPages(served, fd, { readers, hostPageSizes: new Map(Object.entries(sizes)) })
  } catch (error) {
    closeDescriptor(fd)
    throw error
  }
}

/** The page sizes of RAM blocks in huge pages. */
async function hostPageSizes(domain: Domain): Promise<Readonly<Record<string, number>>> {
  const { hugepages } = domain.memoryBacking
  if (hugepages === undefined) return {}
  const size = hugepages.sizeBytes ?? ((await hostMemory()).hugePageBytes || DEFAULT_HUGE_PAGE)
  return Object.fromEntries(memoryBackends(domain).map(({ id }) => [id, size]))
}
