import { InternalError } from '../../errors.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import type { MachineWriter } from '../convert/machine-writer.ts'
import type { MigrationReceiver } from '../image-receiver.ts'
import { QemuListener } from '../receive/qemu-listener.ts'
import { Intake, type IntakeFigures, type IntakeSpace } from './intake.ts'
import { LiveStream, type StreamListener } from './live-stream.ts'

/** The inputs of a live receiver. */
export interface LiveReceiverOptions extends StreamListener {
  /** The image, for messages. */
  readonly path: string
  /** A unix socket path that does not exist yet, in a directory that only we and QEMU can enter. */
  readonly socketPath: string
  /** Where the machine goes. The caller publishes and disposes it, after this receiver. */
  readonly writer: MachineWriter
  readonly space: IntakeSpace
}

/** A machine that was received whole. */
export interface ReceivedMachine {
  readonly state: DeviceState
  readonly ramBytes: number
  readonly zeroBytes: number
}

/** The receiving end of a migration whose guest runs. It never makes QEMU wait for the disk. */
export interface LiveReceiver extends MigrationReceiver, AsyncDisposable {
  /** Settles when nothing has to be loaded any more before the first bytes are taken: a guest that is stopped waits for that. */
  readonly prepared: Promise<void>
  /** The machine. Only after `received`. */
  machine(): ReceivedMachine
  figures(): IntakeFigures
}

/** Listens for a QEMU that sends the memory of a running guest. @throws StorageError, UsageError */
export async function openLiveReceiver(options: LiveReceiverOptions): Promise<LiveReceiver> {
  const { path, socketPath, writer, space } = options
  await using opened = new AsyncDisposableStack()
  const intake = opened.use(new Intake(space))
  const stream = new LiveStream(path, writer, intake, options)
  const listener = opened.use(
    new QemuListener({ path, socketPath, channels: 0, atOnce: true }, stream),
  )
  const open = opened.move()
  return {
    uri: listener.uri,
    socketPath,
    multifd: { channels: 0, compression: 'none' },
    received: listener.received,
    prepared: intake.prepared,
    progress() {
      const { storedBytes = 0, zeroBytes = 0, ramBytes = 0 } = stream.ledger ?? {}
      return {
        transferredBytes: intake.figures.receivedBytes,
        ramBytes: Math.min(storedBytes + zeroBytes, ramBytes),
        ramTotalBytes: ramBytes,
        fileBytes: writer.fileBytes,
        channelBytes: [],
      }
    },
    abort: (reason) => listener.abort(reason),
    machine() {
      const { ledger, state } = stream
      if (ledger === undefined || state === undefined)
        throw new InternalError('machine() was called before everything was received')
      const { ramBytes, storedBytes } = ledger
      return { state, ramBytes, zeroBytes: ramBytes - storedBytes }
    },
    figures: () => intake.figures,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}
