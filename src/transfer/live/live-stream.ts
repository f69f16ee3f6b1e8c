import { QemuError } from '../../errors.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { MainStreamParser } from '../../wire/main-stream.ts'
import type { MachineWriter } from '../convert/machine-writer.ts'
import { MAX_PUT_LENGTH, PageBatches } from '../convert/page-batches.ts'
import type { Connections } from '../receive/accept-connections.ts'
import { PageLedger } from '../receive/page-ledger.ts'
import type { ConnectionReceiver } from '../receive/qemu-listener.ts'
import { FirstPage } from './first-page.ts'
import type { Intake } from './intake.ts'

/** Hears of the steps of a stream. */
export interface StreamListener {
  /** QEMU has connected, and nothing was taken; the descriptor stays open during the call. */
  readonly onConnection?: ((fd: number) => void) | undefined
  /** The first page has come: from now on QEMU protects all memory, and has the state of the devices. */
  readonly onMemory?: (() => Promise<void>) | undefined
}

/** Receives the stream of a background snapshot: passes its pages to a writer, and requires every page of every block, once. */
export class LiveStream implements ConnectionReceiver {
  readonly #path: string
  readonly #writer: MachineWriter
  readonly #intake: Intake
  readonly #hears: StreamListener
  #ledger: PageLedger | undefined
  #state: DeviceState | undefined

  /** `path` is the image, for messages. */
  constructor(path: string, writer: MachineWriter, intake: Intake, hears: StreamListener = {}) {
    this.#hears = hears
    this.#path = path
    this.#writer = writer
    this.#intake = intake
  }

  /** Which pages have come; `undefined` until QEMU has listed its RAM blocks. */
  get ledger(): PageLedger | undefined {
    return this.#ledger
  }

  /** The stream without its RAM, once everything was received. */
  get state(): DeviceState | undefined {
    return this.#state
  }

  async receive({ main }: Connections): Promise<void> {
    this.#hears.onConnection?.(main.fd)
    this.#intake.receive(main.fd)
    const batches = new PageBatches(this.#path, this.#writer)
    const parser: MainStreamParser = new MainStreamParser(
      {
        blocks: (blocks) => {
          this.#ledger = new PageLedger(blocks)
          batches.begin({ ...parser.start, blocks: [...blocks] })
        },
        zeroPages: (block, first, count) => {
          this.#ledger?.zero(block, first, count)
          batches.zeros(block, first, count)
        },
        page: (block, page, bytes) => {
          this.#ledger?.store(block, page, 1)
          batches.put(block, page, bytes)
        },
      },
      { hasOpenRam: true },
    )
    try {
      parser.feed(main.first)
      const first = new FirstPage()
      for await (const piece of this.#intake.pieces()) {
        if (!first.hasCome && first.feed(piece)) await this.#hears.onMemory?.()
        for (let at = 0; at < piece.length; at += MAX_PUT_LENGTH) {
          await batches.room()
          parser.feed(piece.subarray(at, at + MAX_PUT_LENGTH))
        }
      }
      const state = parser.finish()
      this.#checkComplete()
      await batches.drain()
      this.#state = state
    } finally {
      await batches.idle()
    }
  }

  discard(): void {
    this.#intake.discard()
  }

  hangUp(): void {
    this.#intake.hangUp()
  }

  #checkComplete(): void {
    const missing = this.#ledger?.missing()
    if (missing === undefined) return
    throw new QemuError('QEMU_STREAM', `QEMU did not send ${missing}`, {
      operation: `save to ${this.#path}`,
      path: this.#path,
    })
  }
}
