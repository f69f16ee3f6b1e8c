import { anySignal } from '../../io/any-signal.ts'
import { MemoryFile } from '../../io/memory/memory-file.ts'
import type { PageStore } from '../../image/saved-machine.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { incomingDevices, incomingHead, ramEnd } from '../../wire/incoming-stream.ts'
import { blockOfBackend } from './backend-block.ts'
import { denseBlocks } from './dense-blocks.ts'
import { IncomingConnection } from '../incoming-connection.ts'
import { LoadedFrames } from './loaded-frames.ts'
import { loadMemory } from './load-memory.ts'
import { LoadThreads, isWorthThreads } from './load-threads.ts'
import type { ImageSender } from './image-sender.ts'
import type { TransferProgress } from '../image-receiver.ts'
import { type PageSink, sendBlock } from './send-block.ts'

/** Readers that send blocks, in addition to those that fill memory files. */
const SENDING_READERS = 2

const MAX_WORKERS = 64 - SENDING_READERS

/** The most socket data prepared while QEMU starts: the ROMs of any machine. */
const EARLY_LENGTH = 16 * 1024 * 1024

/** Options for sending a machine whose pages have random access. */
export interface PagesSenderOptions {
  /** Workers that read the image at the same time, 1 to 64. */
  readonly readers: number
  /** RAM blocks that QEMU takes from a memory backend whose file we may fill: name (which is the backend's id) and size. */
  readonly backends: readonly { readonly id: string; readonly length: number }[]
  /** RAM blocks that QEMU has already mapped from a file: none of their pages is sent. */
  readonly mapped?: ReadonlySet<string> | undefined
  /** Threads that were started before, to fill memory; for this sender alone. */
  readonly threads?: LoadThreads | undefined
  readonly signal?: AbortSignal | undefined
}

/** A sender that also fills RAM, from its creation on. */
export interface PagesSender extends ImageSender {
  /** Descriptors of memory files by backend id, for QEMU to inherit. */
  readonly memoryFiles: ReadonlyMap<string, number>
}

/**
 * Sends a machine whose pages have random access. Workers fill RAM behind a memory backend while QEMU starts; the other blocks and the devices go
 * through the incoming socket.
 * @throws ImageError IMAGE_INCOMPATIBLE when a backend and its block do not match
 */
export function openPagesSender(
  path: string,
  pages: PageStore,
  deviceState: () => Promise<DeviceState>,
  options: PagesSenderOptions,
): PagesSender {
  const matches = options.backends.map((backend) => ({
    id: backend.id,
    block: blockOfBackend(path, pages.blocks, backend),
  }))
  return new FillingSender(pages, deviceState, matches, options)
}

class FillingSender implements PagesSender {
  readonly memoryFiles: ReadonlyMap<string, number>
  readonly multifd: ImageSender['multifd'] = { channels: 0, compression: 'none' }
  readonly #pages: PageStore
  readonly #state: Promise<DeviceState>
  /** The outgoing bytes of the blocks that go through the socket, when they are small. */
  readonly #early: Promise<readonly Uint8Array[] | undefined>
  readonly #workers: number
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  readonly #filled: Promise<void>
  readonly #threads: LoadThreads | undefined
  readonly #files = new Map<number, MemoryFile>()
  readonly #mapped: ReadonlySet<string> | undefined
  readonly #ramTotalBytes: number
  readonly #frames: LoadedFrames
  #connection: IncomingConnection | undefined
  #ramBytes = 0
  #fileBytes = 0

  constructor(
    pages: PageStore,
    deviceState: () => Promise<DeviceState>,
    matches: readonly { readonly id: string; readonly block: number }[],
    options: PagesSenderOptions,
  ) {
    this.#pages = pages
    this.#mapped = options.mapped
    this.#frames = new LoadedFrames(pages)
    this.#workers = Math.min(options.readers, MAX_WORKERS)
    this.#signal = anySignal(this.#stop.signal, options.signal)
    this.#ramTotalBytes = pages.blocks.reduce((sum, block) => sum + block.length, 0)
    const dense = denseBlocks(pages)
    for (const { id, block } of matches) {
      const length = pages.blocks[block]?.length ?? 0
      this.#files.set(block, new MemoryFile(id, length, { huge: dense.has(block) }))
    }
    this.memoryFiles = new Map(
      matches.map(({ id, block }) => [id, (this.#files.get(block) as MemoryFile).fd]),
    )
    this.#threads = this.#files.size > 0 ? threadsFor(pages, options) : undefined
    this.#filled = loadMemory(pages, this.#files, {
      workers: this.#workers,
      threads: this.#threads,
      signal: this.#signal,
      onLoaded: (ramBytes, fileBytes, frames) => this.#count(ramBytes, fileBytes, frames),
    })
    this.#state = deviceState()
    this.#early = this.#makeEarly()
    // send() reports the errors; a caller that never calls it must not be ended by an unhandled rejection.
    for (const later of [this.#filled, this.#state, this.#early]) later.catch(() => undefined)
  }

  async send(socketPath: string): Promise<void> {
    const [state, early] = await Promise.all([this.#state, this.#early])
    using connection = await IncomingConnection.open(socketPath, this.#signal)
    this.#connection = connection
    const head = incomingHead(state, this.#pages.blocks)
    const send = async (): Promise<void> => {
      await connection.write(Buffer.concat([head, ...(early ?? [])]))
      if (early === undefined) await this.#sendBlocks(connection, state)
      await connection.write(ramEnd(state.ramSection))
    }
    const sent = send()
    try {
      // Devices read guest memory while they are loaded, so all of it must be there before.
      await Promise.all([sent, this.#filled])
    } catch (error) {
      // The caller must not close the image while it is still being read.
      connection[Symbol.dispose]()
      await sent.catch(() => undefined)
      throw error
    }
    await connection.write(incomingDevices(state))
    await connection.end()
    // Zero pages were not counted one by one.
    this.#ramBytes = this.#ramTotalBytes
  }

  progress(): TransferProgress {
    return {
      transferredBytes: (this.#connection?.sentBytes ?? 0) + this.#ramBytes,
      ramBytes: this.#ramBytes,
      ramTotalBytes: this.#ramTotalBytes,
      fileBytes: this.#fileBytes,
      channelBytes: [],
      memory: this.#frames.shown(),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#connection?.[Symbol.dispose]()
    // A worker that still writes must not use a descriptor that another file has by then.
    await Promise.allSettled([this.#filled, this.#early])
    await this.#threads?.[Symbol.asyncDispose]()
    for (const file of this.#files.values()) file[Symbol.dispose]()
  }

  async #makeEarly(): Promise<readonly Uint8Array[] | undefined> {
    const length = this.#sentBlocks().reduce(
      (sum, block) => sum + (this.#pages.blocks[block]?.length ?? 0),
      0,
    )
    if (length > EARLY_LENGTH) return undefined
    const pieces: Uint8Array[] = []
    const sink = { write: async (bytes: Uint8Array) => void pieces.push(bytes) }
    await this.#sendBlocks(sink, await this.#state)
    return pieces
  }

  async #sendBlocks(sink: PageSink, state: DeviceState): Promise<void> {
    for (const block of this.#sentBlocks()) {
      await sendBlock(sink, state.ramSection, this.#pages, block, {
        readers: this.#sendingReaders(),
        onSent: (ramBytes, fileBytes, frame) => this.#count(ramBytes, fileBytes, [frame]),
      })
    }
  }

  /** The blocks that QEMU does not get in another way. */
  #sentBlocks(): readonly number[] {
    return [...this.#pages.blocks.keys()].filter((block) => {
      const name = this.#pages.blocks[block]?.name ?? ''
      return !this.#files.has(block) && this.#mapped?.has(name) !== true
    })
  }

  #sendingReaders(): readonly number[] {
    return Array.from({ length: SENDING_READERS }, (_, index) => this.#workers + index)
  }

  #count(ramBytes: number, fileBytes: number, frames: Iterable<number>): void {
    this.#frames.add(frames)
    this.#ramBytes += ramBytes
    this.#fileBytes += fileBytes
  }
}

function threadsFor(
  pages: PageStore,
  { threads, readers }: PagesSenderOptions,
): LoadThreads | undefined {
  if (!isWorthThreads(pages)) return undefined
  return threads ?? new LoadThreads(readers)
}
