import type { StasisError } from '../../errors.ts'
import type { HandOver } from '../../transfer/page-server/hand-over.ts'
import { PageServer } from '../../transfer/page-server/page-server.ts'
import type { ServedImage } from './served-image.ts'

/** How long QEMU gets to say why it hung up. */
const GRACE_MS = 1000

/**
 * The page server inside the process that restores: devices and what is asked for at once come from here, for a process of its own
 * takes longer to start than QEMU does. Disposing it ends the connection, unless another has taken over.
 */
export class FirstPages implements AsyncDisposable {
  /** Rejects when the memory cannot be brought. */
  readonly failed: Promise<never>
  /** Of the connection, for who goes on with it. */
  readonly fd: number
  readonly #server: PageServer
  readonly #served: Promise<void>
  readonly #end = new AbortController()
  #fault: StasisError | undefined

  /** Begins to speak on `fd`, a socket whose other end QEMU has inherited and which becomes ours. The image must stay open. */
  constructor(
    image: ServedImage,
    fd: number,
    options: { readonly readers: number; readonly hostPageSizes: ReadonlyMap<string, number> },
  ) {
    this.fd = fd
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

  /** What of the image turned out to be damaged. */
  get fault(): StasisError | undefined {
    return this.#fault
  }

  /** Lets what an earlier guest asked for go out; until then only what is asked for does, so that QEMU and its devices are not held up. */
  sendFirst(): void {
    this.#server.sendFirst()
  }

  /** Stops, for another to go on. @throws QemuError QEMU_DIED and others that ended it before */
  async stop(): Promise<HandOver> {
    return Promise.race([this.#server.stop(), this.#served.then(() => this.#server.stop())])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    await this.#served.catch(() => undefined)
  }
}
