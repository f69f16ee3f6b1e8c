import { setTimeout as delay } from 'node:timers/promises'
import type { DeviceState } from '../../wire/device-state.ts'
import { MainStreamParser } from '../../wire/main-stream.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { QemuError } from '../../errors.ts'
import type { Connections } from '../receive/accept-connections.ts'
import type { ConnectionReceiver } from '../receive/qemu-listener.ts'
import type { Intake } from './intake.ts'
import { MAX_UNFLUSHED, type NewestPages } from './newest-pages.ts'

const RECHECK_MS = 10

/** Receives the stream of a guest that runs until QEMU stops it for the rest: a page may come several times, and the newest counts. */
export class PrecopyStream implements ConnectionReceiver {
  readonly #pages: NewestPages
  readonly #intake: Intake
  readonly #onConnection: (fd: number) => void
  #state: DeviceState | undefined
  /** Settles when the guest runs again. */
  #stop: PromiseWithResolvers<void> | undefined

  constructor(pages: NewestPages, intake: Intake, onConnection: (fd: number) => void) {
    this.#pages = pages
    this.#intake = intake
    this.#onConnection = onConnection
  }

  /** The stream without its RAM, once everything was received. */
  get state(): DeviceState | undefined {
    return this.#state
  }

  async receive({ main }: Connections): Promise<void> {
    this.#onConnection(main.fd)
    this.#intake.receive(main.fd)
    const parser = new MainStreamParser({
      blocks: (blocks) => {
        for (const { name, length } of blocks)
          if (length % PAGE_SIZE !== 0)
            throw new QemuError(
              'QEMU_STREAM',
              `The length of RAM block "${name}" is not a multiple of the page size`,
            )
        this.#pages.begin([...blocks])
      },
      zeroPages: (block, first, count) => this.#pages.zeros(block, first, count),
      page: (block, page, bytes) => this.#pages.put(block, page, bytes),
    })
    parser.feed(main.first)
    // A page that was split may come with the next piece.
    const most = MAX_UNFLUSHED - 2 * PAGE_SIZE
    for await (const piece of this.#intake.pieces()) {
      for (let at = 0; at < piece.length; at += most) {
        await this.#waitForGuest()
        parser.feed(piece.subarray(at, at + most))
        await this.#pages.flush()
      }
    }
    this.#state = parser.finish()
  }

  /** The guest is stopped: until it runs again everything is only taken, so that QEMU has the processors. */
  guestStops(): void {
    this.#intake.hurry()
    this.#stop ??= Promise.withResolvers()
  }

  guestRuns(): void {
    this.#stop?.resolve()
    this.#stop = undefined
  }

  discard(): void {
    this.guestRuns()
    this.#intake.discard()
  }

  async #waitForGuest(): Promise<void> {
    while (this.#stop !== undefined && !this.#intake.isNearlyFull)
      await Promise.race([this.#stop.promise, delay(RECHECK_MS)])
  }

  hangUp(): void {
    this.#intake.hangUp()
  }
}
