import type { StasisError } from '../../errors.ts'
import type { HandOver } from '../../transfer/page-server/hand-over.ts'
import { closeDescriptor, duplicateDescriptor } from '../../io/system-calls.ts'
import { PageServer } from '../../transfer/page-server/page-server.ts'
import type { ServedImage } from './served-image.ts'

/** How long QEMU may take to report why it closed a connection. */
const GRACE_MS = 1000

/**
 * The page server inside the restoring process. It sends the devices and the first requested pages, because a process takes longer to start than QEMU
 * does. Disposing it ends the connection, unless another server has taken over.
 */
export class FirstPages implements AsyncDisposable {
  /** Rejects when the memory cannot be sent. */
  readonly failed: Promise<never>
  /** Descriptor of the connection, for its next server; valid until this is disposed, even if QEMU has died. */
  readonly fd: number
  readonly #server: PageServer
  readonly #served: Promise<void>
  readonly #end = new AbortController()
  #fault: StasisError | undefined
  #isReleased = false

  /** Starts the stream on `fd`, a socket whose other end QEMU has inherited, and takes ownership of it. The image must stay open. */
  constructor(
    image: ServedImage,
    fd: number,
    options: { readonly readers: number; readonly hostPageSizes: ReadonlyMap<string, number> },
  ) {
    this.fd = duplicateDescriptor(fd)
    const failed = Promise.withResolvers<never>()
    this.failed = failed.promise
    this.failed.catch(() => undefined)
    this.#server = new PageServer(image.pages, {
      ...options,
      endpoint: { fd },
      begin: 'start',
      rest: false,
      first: image.order,
      signal: this.#end.signal,
      onFault: (error) => {
        this.#fault ??= error
        failed.reject(error)
      },
    })
    this.#served = this.#server.serve(image.state)
    this.#served.catch((error: unknown) => setTimeout(() => failed.reject(error), GRACE_MS).unref())
  }

  /** The first damage found in the image. */
  get fault(): StasisError | undefined {
    return this.#fault
  }

  /**
   * Starts to send the pages that an earlier guest requested. Until then it sends only requested pages, so that QEMU and its devices are not delayed.
   */
  sendFirst(): void {
    this.#server.sendFirst()
  }

  /** Closes `fd`: the next server has inherited it. */
  releaseFd(): void {
    if (!this.#isReleased) closeDescriptor(this.fd)
    this.#isReleased = true
  }

  /** Stops, so that another server can continue. @throws QemuError QEMU_DIED and other errors that ended it before */
  async stop(): Promise<HandOver> {
    return Promise.race([this.#server.stop(), this.#served.then(() => this.#server.stop())])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    this.releaseFd()
    await this.#served.catch(() => undefined)
  }
}
