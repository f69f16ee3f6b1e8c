import { CancelledError, StasisError, StorageError } from '../../errors.ts'
import type { MigrationFeatures } from '../../migration/features.ts'
import { type OutgoingMigration, startOutgoing } from '../../migration/outgoing.ts'
import type { RamProgress } from '../../migration/progress.ts'
import type { PrecopySettings } from '../../migration/settings.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { MigrationReceiver, TransferProgress } from '../../transfer/image-receiver.ts'
import { type LentFile, OUR_VIEW, type QemuView } from '../machine/qemu-view.ts'
import { mostSpecificFault } from '../progress/most-specific-fault.ts'
import type { OnProgress, SaveProgress } from '../progress/progress.ts'
import type { SaveSettings } from './save-options.ts'
import type { SharedBandwidth } from './shared-bandwidth.ts'
import { cancelOnAbort } from './cancel-on-abort.ts'
import { watchTransfer } from '../progress/transfer-meter.ts'

/** After one end broke, the other gets this long to report its own reason, which may be the better one. */
const GRACE_MS = 1000

/** The inputs of a transfer other than its two ends. */
export interface TransferOutOptions {
  readonly settings: SaveSettings
  readonly features: MigrationFeatures
  /** How QEMU reaches the receiver. Default: as we do. */
  readonly view?: QemuView | undefined
  /** The guest runs meanwhile: see `MigrationSettings`. */
  readonly backgroundSnapshot?: boolean | undefined
  readonly precopy?: PrecopySettings | undefined
  /** Runs just before QEMU begins: see `OutgoingOptions`. */
  readonly beforeStart?: (() => Promise<void>) | undefined
  /** QEMU's limit, shared with other saves. */
  readonly bandwidth?: SharedBandwidth | undefined
  /** Aborts the migration, not the receiver: QEMU has to end its side first. */
  readonly signal: AbortSignal | undefined
  readonly report: OnProgress<SaveProgress>
}

/**
 * Lets QEMU migrate to a receiver until both report the end. Cancels the migration after the first fault, and on abort. Returns QEMU's figures of
 * guest memory.
 * @throws StorageError, QemuError, CancelledError
 */
export async function transferOut(
  control: QmpConnection,
  receiver: MigrationReceiver,
  options: TransferOutOptions,
): Promise<RamProgress | undefined> {
  const { settings, features, view = OUR_VIEW, bandwidth, signal, report } = options
  const { compressionLevel: level } = settings
  const cancel = new AbortController()
  using part = bandwidth?.join((bytesPerSecond) => {
    // A save that continues at its old rate has not failed.
    control
      .execute('migrate-set-parameters', { 'max-bandwidth': bytesPerSecond })
      .catch(() => undefined)
  })
  const directIo = receiver.mappedRam?.directIo === true && features.directIo
  await using target = await targetFor(receiver, { view, directIo, signal })
  await using migration = await startOutgoing(control, {
    uri: target.uri,
    features,
    channels: receiver.multifd.channels,
    mappedRam: receiver.mappedRam !== undefined,
    directIo,
    multifdCompression: receiver.multifd.compression,
    backgroundSnapshot: options.backgroundSnapshot,
    precopy: options.precopy,
    beforeStart: options.beforeStart,
    compressionLevel: level === 'adaptive' ? undefined : level,
    maxBandwidth: part?.bytesPerSecond,
    signal: cancel.signal,
  })
  using counter = countRam(migration)
  using _meter = watchTransfer(
    () => withRam(receiver.progress(), counter.latest()),
    (measure) => report({ phase: 'transferring', ...measure }),
  )
  using _abort = cancelOnAbort(signal, cancel, receiver)
  let timer: NodeJS.Timeout | undefined
  const breakOff = (error: unknown): never => {
    const atOnce = error instanceof StorageError || error instanceof CancelledError
    timer ??= setTimeout(
      () => {
        cancel.abort(error)
        receiver.abort(error)
      },
      atOnce ? 0 : GRACE_MS,
    )
    throw error
  }
  const ends = await Promise.allSettled([
    receiver.received.catch(breakOff),
    migration.completed().catch(breakOff),
  ])
  clearTimeout(timer)
  const faults = ends.flatMap((end): unknown[] => (end.status === 'rejected' ? [end.reason] : []))
  if (faults.length > 0) throw mostSpecificFault(faults, signal, RANKING)
  return (await migration.completed()).ram
}

/** Where QEMU sends its stream, in its own terms. */
async function targetFor(
  { uri, socketPath, mappedRam }: MigrationReceiver,
  options: {
    readonly view: QemuView
    readonly directIo: boolean
    readonly signal: AbortSignal | undefined
  },
): Promise<LentFile> {
  const { view, directIo, signal } = options
  if (mappedRam === undefined) {
    const path = socketPath === undefined ? undefined : view.socketPath(socketPath)
    return {
      uri: path === undefined ? uri : `unix:${path}`,
      [Symbol.asyncDispose]: async () => undefined,
    }
  }
  const { fd, offset } = mappedRam
  return view.lend({ fd, offset, access: 'write', direct: directIo, uri }, signal)
}

interface RamCounter extends Disposable {
  readonly latest: () => RamProgress | undefined
}

const ASK_MS = 250

/** Queries the progress of guest memory regularly. */
function countRam(migration: OutgoingMigration): RamCounter {
  let latest: RamProgress | undefined
  const query = async (): Promise<void> => {
    const progress = await migration.progress().catch(() => undefined)
    if (progress?.phase === 'active' || progress?.phase === 'device') latest = progress.ram
    else if (progress?.phase === 'completed') latest = progress.stats.ram
  }
  const timer = setInterval(() => void query(), ASK_MS)
  return { latest: () => latest, [Symbol.dispose]: () => clearInterval(timer) }
}

/** Formats that do not parse the stream do not know how much memory it contains; QEMU does. */
function withRam(progress: TransferProgress, ram: RamProgress | undefined): TransferProgress {
  if (progress.ramTotalBytes > 0 || ram === undefined) return progress
  const [zeroBytes, rawBytes] = [ram.zeroPages * ram.pageSize, ram.normalPages * ram.pageSize]
  return {
    ...progress,
    ramBytes: ram.totalBytes - ram.remainingBytes,
    ramTotalBytes: ram.totalBytes,
    memory: { zeroBytes, compressedBytes: 0, rawBytes, cells: '' },
  }
}

const RANKING = [
  (fault: unknown): boolean => fault instanceof StorageError,
  (fault: unknown): boolean => StasisError.is(fault, 'QEMU_DIED'),
  (fault: unknown): boolean => StasisError.is(fault, 'QEMU_STREAM'),
  (fault: unknown): boolean => StasisError.is(fault, 'MIGRATION_FAILED'),
]
