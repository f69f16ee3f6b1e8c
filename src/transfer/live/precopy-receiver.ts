import { InternalError } from '../../errors.ts'
import type { MigrationReceiver } from '../image-receiver.ts'
import { QemuListener } from '../receive/qemu-listener.ts'
import { Intake, type IntakeFigures } from './intake.ts'
import type { LiveReceiverOptions, ReceivedMachine } from './live-receiver.ts'
import { NewestPages } from './newest-pages.ts'
import { PrecopyStream } from './precopy-stream.ts'

/** As long as the guest runs, QEMU may be this far ahead: what is ahead of us has to be processed before the end. */
const BACKLOG_BYTES = 32 * 1024 * 1024

/** The receiving end of a migration whose guest runs until QEMU stops it for the rest. The image is written afterwards, from the newest version of each page. */
export interface PrecopyReceiver extends MigrationReceiver, AsyncDisposable {
  /** The guest is stopped: QEMU must not wait for us, nor for a processor that we use. */
  guestStops(): void
  guestRuns(): void
  /** Writes the machine. Only after `received`; the guest may run again. @throws StorageError, CancelledError */
  write(signal: AbortSignal): Promise<ReceivedMachine>
  figures(): IntakeFigures
  /** Bytes of pages with content that came, older versions included. */
  readonly sentBytes: number
}

/** The inputs of such a receiver. */
export interface PrecopyReceiverOptions extends LiveReceiverOptions {
  /** Where the newest version of each page is kept. Default: in memory. */
  readonly keepIn: string | undefined
}

/** Listens for a QEMU that migrates a running guest. @throws StorageError, UsageError */
export async function openPrecopyReceiver(
  options: PrecopyReceiverOptions,
): Promise<PrecopyReceiver> {
  const { path, socketPath, writer, space, onConnection = () => undefined } = options
  await using opened = new AsyncDisposableStack()
  const pages = opened.use(new NewestPages(options.keepIn))
  const intake = opened.use(new Intake({ ...space, backlogBytes: BACKLOG_BYTES }))
  const stream = new PrecopyStream(pages, intake, onConnection)
  const listener = opened.use(new QemuListener({ path, socketPath, channels: 0 }, stream))
  const open = opened.move()
  return {
    uri: listener.uri,
    socketPath,
    multifd: { channels: 0, compression: 'none' },
    received: listener.received,
    progress() {
      return {
        transferredBytes: intake.figures.receivedBytes,
        // QEMU knows what is left; a page that came may have changed since.
        ramBytes: 0,
        ramTotalBytes: 0,
        fileBytes: writer.fileBytes,
        channelBytes: [],
      }
    },
    abort: (reason) => listener.abort(reason),
    guestStops: () => stream.guestStops(),
    guestRuns: () => stream.guestRuns(),
    async write(signal) {
      const { state } = stream
      if (state === undefined)
        throw new InternalError('write() was called before everything was received')
      const { head, ramSection } = state
      await writer.begin({ head, ramSection, blocks: pages.blocks })
      await pages.copyTo(writer, signal)
      const { ramBytes, contentBytes } = pages
      return { state, ramBytes, zeroBytes: ramBytes - contentBytes }
    },
    figures: () => intake.figures,
    get sentBytes() {
      return pages.putBytes
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}
