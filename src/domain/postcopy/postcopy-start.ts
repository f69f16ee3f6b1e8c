import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Refusal } from '../../errors.ts'
import { anySignal } from '../../io/any-signal.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { closeDescriptor, connectedPair } from '../../io/system-calls.ts'
import { startPostcopy } from '../../migration/postcopy.ts'
import { memoryBackends } from '../../qemu/command-line/memory.ts'
import { hostMemory } from '../../qemu/host-facts.ts'
import { identifyProcess } from '../../qemu/process-identity.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import {
  readPostcopyRecord,
  removePostcopyRecord,
  writePostcopyRecord,
} from '../store/postcopy-record.ts'
import { FirstPages } from './first-pages.ts'
import { KeptMonitor } from './kept-monitor.ts'
import { NextServer } from './next-server.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { type LaunchNeeds, NEEDS_NOTHING } from '../machine/launch-needs.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { servedImage } from './served-image.ts'

const DEFAULT_HUGE_PAGE = 2048 * 1024

/** The numbers in QEMU of the sockets that it inherits: for the kept monitor, whose other end follows, and for the stream. */
const MONITOR_IN_QEMU = 3
const STREAM_IN_QEMU = 5

/** How long a page server gets to say that the image is to blame for what QEMU says. */
const BLAME_MS = 100

/** How a postcopy goes. */
export interface PostcopyStartOptions {
  /** Read the image past the page cache; `undefined`: as suits its format. */
  readonly direct: boolean | undefined
  readonly readers: number
  readonly stateDir: string
}

/**
 * The start of a postcopy: the first pages come from this process, which hands over to a page server once the guest runs. Disposing it
 * before that ends it.
 */
export class PostcopyStart implements AsyncDisposable {
  readonly launchNeeds: LaunchNeeds
  readonly #monitor: KeptMonitor = KeptMonitor.make()
  readonly #id = randomUUID()
  readonly #paths: RuntimePaths
  readonly #options: PostcopyStartOptions
  /** Settles once the image is open and QEMU is spoken to. */
  readonly #first: Promise<FirstPages>
  #qemuEnd: number | undefined
  #image: AsyncDisposable | undefined
  /** To be handed over, or given up. */
  #over = false

  private constructor(
    paths: RuntimePaths,
    image: SavedMachine,
    domain: Domain,
    options: PostcopyStartOptions,
  ) {
    this.#paths = paths
    this.#options = options
    const [qemuEnd, ourEnd] = connectedPair()
    this.#qemuEnd = qemuEnd
    this.launchNeeds = {
      ...NEEDS_NOTHING,
      inherited: [...this.#monitor.inherited, qemuEnd],
      monitors: [
        { id: 'stasis-postcopy', path: paths.postcopySocket },
        { id: 'stasis-kept', fd: MONITOR_IN_QEMU },
      ],
    }
    this.#first = openFirst(paths, this.#id, image, domain, ourEnd, options)
    // Told by `loadDevices`.
    this.#first.catch(() => undefined)
  }

  /** Begins to speak from an image that is open, while QEMU starts. */
  static begin(
    paths: RuntimePaths,
    image: SavedMachine,
    domain: Domain,
    options: PostcopyStartOptions,
  ): PostcopyStart {
    return new PostcopyStart(paths, image, domain, options)
  }

  /**
   * Lets QEMU take its devices. Gives QEMU's reason when it cannot be filled while the guest runs; nothing has happened then.
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
    await Promise.all([this.#monitor.negotiate(signal), this.watch(start, signal)])
    return refused
  }

  /**
   * Does what waits for QEMU, which may wait for a page itself: ends when it turns out that the page will not come.
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
      // A damaged image shows in QEMU first.
      if (signal?.aborted !== true && first.fault === undefined) await delay(BLAME_MS)
      throw first.fault ?? error
    } finally {
      over.abort()
    }
  }

  /** Leaves it to be handed over: it is no longer ended when it is disposed. `image` is what closes the image, for then. */
  detach(image: AsyncDisposable): void {
    this.#over = true
    this.#image = image
  }

  /**
   * Starts the page server that goes on in our place as soon as it is ready, which is after this has returned; this process is at work
   * until then, and if it ends before, the new one sees to it that another is started.
   * @throws QemuError, StorageError
   */
  async handOver(): Promise<void> {
    const first = await this.#first
    const fds = { connection: first.fd, monitor: this.#monitor.fd }
    try {
      const { stateDir } = this.#options
      const next = await NextServer.start(this.#paths, { id: this.#id, stateDir }, fds)
      void this.#leave(next, first)
    } catch (error) {
      await first[Symbol.asyncDispose]()
      await this.#image?.[Symbol.asyncDispose]()
      // A domain that was destroyed in this moment needs none.
      if ((await readPostcopyRecord(this.#paths))?.id === this.#id) throw error
    } finally {
      await this.#monitor[Symbol.asyncDispose]()
    }
  }

  /** Nobody waits for it: it never rejects. */
  async #leave(next: NextServer, first: FirstPages): Promise<void> {
    await next.takeOver(first)
    await Promise.allSettled([this.#image?.[Symbol.asyncDispose]()])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#over) return
    this.#over = true
    this.#closeQemuEnd()
    await this.#monitor[Symbol.asyncDispose]()
    const first = await this.#first.catch(() => undefined)
    await first?.[Symbol.asyncDispose]()
    await removePostcopyRecord(this.#paths)
  }

  #closeQemuEnd(): void {
    if (this.#qemuEnd !== undefined) closeDescriptor(this.#qemuEnd)
    this.#qemuEnd = undefined
  }
}

/** Notes what is being done, and begins to speak on `fd`, which is ours. */
async function openFirst(
  paths: RuntimePaths,
  id: string,
  image: SavedMachine,
  domain: Domain,
  fd: number,
  { direct, readers }: PostcopyStartOptions,
): Promise<FirstPages> {
  try {
    const served = await servedImage(image)
    const sizes = await hostPageSizes(domain)
    await writePostcopyRecord(paths, {
      id,
      image: image.path,
      machine: served.machine,
      direct,
      readers,
      hostPageSizes: sizes,
      server: await identifyProcess(process.pid),
    })
    return new FirstPages(served, fd, { readers, hostPageSizes: new Map(Object.entries(sizes)) })
  } catch (error) {
    closeDescriptor(fd)
    throw error
  }
}

/** The sizes of the host pages behind RAM blocks, where these are huge. */
async function hostPageSizes(domain: Domain): Promise<Readonly<Record<string, number>>> {
  const { hugepages } = domain.memoryBacking
  if (hugepages === undefined) return {}
  const size = hugepages.sizeBytes ?? ((await hostMemory()).hugePageBytes || DEFAULT_HUGE_PAGE)
  return Object.fromEntries(memoryBackends(domain).map(({ id }) => [id, size]))
}
