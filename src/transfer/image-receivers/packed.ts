import { stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { CancelledError, QemuError, StasisError } from '../../errors.ts'
import { anySignal } from '../../io/any-signal.ts'
import { NewStreamImage } from '../../image/new-stream-image.ts'
import type { Packing } from '../../image/save-format.ts'
import { UnixListener } from '../../io/unix-listener.ts'
import { acceptIdentified } from '../receive/accept-identified.ts'
import type {
  SavedImage,
  ImageReceiver,
  ImageReceiverOptions,
  TransferProgress,
} from '../image-receiver.ts'

const CONNECT_TIMEOUT_MS = 60_000

/** Receives a machine over one connection into a compressed format of libvirt, on all processors. @throws StorageError, UsageError */
export function openPackedReceiver(
  packing: Packing,
): (options: ImageReceiverOptions) => Promise<ImageReceiver> {
  return async (options) => {
    const { compressionLevel } = options
    const image = await NewStreamImage.create(options.path, {
      ...options,
      format: packing,
      level: compressionLevel === 'adaptive' ? undefined : compressionLevel,
    })
    try {
      return new PackedReceiver(packing, options, image, UnixListener.open(options.socketPath, 1))
    } catch (error) {
      await image[Symbol.asyncDispose]()
      throw error
    }
  }
}

class PackedReceiver implements ImageReceiver {
  readonly uri: string
  readonly multifd: ImageReceiver['multifd'] = { channels: 0, compression: 'none' }
  readonly received: Promise<void>
  readonly #packing: Packing
  readonly #options: ImageReceiverOptions
  readonly #image: NewStreamImage
  readonly #listener: UnixListener
  readonly #stop = new AbortController()
  #socket: Socket | undefined
  #receivedBytes = 0

  constructor(
    packing: Packing,
    options: ImageReceiverOptions,
    image: NewStreamImage,
    listener: UnixListener,
  ) {
    this.#packing = packing
    this.#options = options
    this.#image = image
    this.#listener = listener
    this.uri = `unix:${options.socketPath}`
    this.received = this.#receive()
    this.received.catch(() => undefined)
  }

  progress(): TransferProgress {
    return {
      transferredBytes: this.#receivedBytes,
      ramBytes: 0,
      ramTotalBytes: 0,
      fileBytes: this.#image.fileBytes,
      channelBytes: [],
    }
  }

  async publish(): Promise<SavedImage> {
    const { path } = this.#options
    const fileBytes = await this.#image.publish()
    const { blocks } = await stat(path)
    return {
      path,
      format: this.#packing,
      fileBytes,
      allocatedBytes: blocks * 512,
      ramBytes: 0,
      zeroBytes: 0,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.received.catch(() => undefined)
    await this.#image[Symbol.asyncDispose]()
  }

  async #receive(): Promise<void> {
    const { signal, path } = this.#options
    const stop = anySignal(this.#stop.signal, signal)
    const hangUp = (): void => {
      this.#socket?.destroy()
      this.#listener.close()
    }
    stop.addEventListener('abort', hangUp)
    try {
      const { main } = await acceptIdentified(this.#listener.fd as number, 0, {
        timeoutMs: CONNECT_TIMEOUT_MS,
        signal: stop,
      })
      this.#socket = new Socket({ fd: main.fd, readable: true, writable: false })
      await this.#take(main.first)
      for await (const bytes of this.#socket) await this.#take(bytes as Buffer)
      if (stop.aborted) throw new CancelledError(`save to ${path}`, stop.reason)
    } catch (cause) {
      if (stop.aborted) throw new CancelledError(`save to ${path}`, stop.reason)
      if (cause instanceof StasisError) throw cause
      const facts = { operation: `save to ${path}`, path, cause }
      throw new QemuError('QEMU_STREAM', 'The migration stream broke off', facts)
    } finally {
      stop.removeEventListener('abort', hangUp)
      hangUp()
    }
  }

  async #take(bytes: Uint8Array): Promise<void> {
    this.#receivedBytes += bytes.length
    await this.#image.stream.append(bytes)
  }
}
