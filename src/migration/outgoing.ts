import { CancelledError, throwIfCancelled } from '../errors.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import type { QmpEventListener } from '../qmp/events.ts'
import { cancelMigration } from './cancel.ts'
import { setCapabilities, type WantedCapability } from './capabilities.ts'
import { migrationFailed } from './failure.ts'
import type { MigrationFeatures } from './features.ts'
import { type WantedParameters, lacks, setParameters } from './parameters.ts'
import { type MigrationProgress, type MigrationStats, progressOf } from './progress.ts'
import { resetMigration } from './reset.ts'
import { leavePostmigrate } from './run-state.ts'
import { migrationEnd } from './watch.ts'

const OPERATION = 'send the state of the machine'

/** Where to and how. */
export interface OutgoingOptions extends WantedParameters {
  /** `unix:PATH`, `exec:COMMAND`, `file:PATH,offset=N` … */
  readonly uri: string
  readonly features: MigrationFeatures
  readonly mappedRam?: boolean | undefined
  /** When aborted, the migration is cancelled and `completed()` throws `CancelledError`. */
  readonly signal?: AbortSignal | undefined
}

/** An outgoing migration. Disposing it cancels what is still under way and puts QEMU's settings back. */
export class OutgoingMigration implements AsyncDisposable {
  readonly #qmp: QmpConnection
  readonly #completed: Promise<MigrationStats>
  readonly #cancel = new AbortController()

  /** Made by `startOutgoing`; `events` was opened before `migrate` was sent and is closed here. */
  constructor(
    qmp: QmpConnection,
    events: QmpEventListener<'MIGRATION'>,
    signal: AbortSignal | undefined,
  ) {
    this.#qmp = qmp
    const own = this.#cancel.signal
    this.#completed = this.#follow(
      events,
      signal === undefined ? own : AbortSignal.any([own, signal]),
    )
    this.#completed.catch(() => undefined)
  }

  /**
   * Settles when QEMU has sent everything. The guest then stands in `postmigrate`; `contVm` lets it run on.
   * @throws QemuError MIGRATION_FAILED with QEMU's reason, QEMU_DIED; CancelledError
   */
  completed(): Promise<MigrationStats> {
    return this.#completed
  }

  /** A look at where it is. @throws QemuError */
  async progress(): Promise<MigrationProgress> {
    return progressOf(await this.#qmp.execute('query-migrate'))
  }

  /** Cancels it and waits until it is over, however it ends; the guest keeps standing. @throws QemuError QEMU_TIMEOUT, QEMU_DIED */
  async cancel(): Promise<void> {
    this.#cancel.abort('cancel() was called')
    await this.#completed.catch((error: unknown) => {
      if (!(error instanceof CancelledError) && this.#qmp.state !== 'ready') throw error
    })
    await cancelMigration(this.#qmp)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#qmp.state !== 'ready') return
    await this.cancel()
    await resetMigration(this.#qmp)
  }

  async #follow(
    events: QmpEventListener<'MIGRATION'>,
    signal: AbortSignal,
  ): Promise<MigrationStats> {
    using _ = events
    try {
      const end = await migrationEnd(this.#qmp, events, { signal })
      if (end?.phase === 'completed') return end.stats
      throw migrationFailed(
        this.#qmp,
        OPERATION,
        end?.phase === 'failed' ? end.reason : 'it was cancelled by somebody else',
      )
    } catch (error) {
      if (error instanceof CancelledError && signal.aborted) {
        await cancelMigration(this.#qmp)
        throw new CancelledError(OPERATION, signal.reason)
      }
      throw error
    }
  }
}

/**
 * Starts an outgoing migration with exactly these settings. The guest should have been stopped before. When this throws, no
 * migration is under way and QEMU's settings are put back.
 * @throws QemuError QEMU_LACKS_FEATURE, QEMU_REFUSED, QEMU_DIED; CancelledError
 */
export async function startOutgoing(
  qmp: QmpConnection,
  options: OutgoingOptions,
): Promise<OutgoingMigration> {
  const { uri, features, mappedRam = false, channels = 0, signal } = options
  throwIfCancelled(OPERATION, signal)
  if (channels > 0 && !features.multifd) throw lacks('multifd channels', '4.0')
  if (mappedRam && !features.mappedRam) throw lacks('mapped-ram', '9.0')
  const capabilities: WantedCapability[] = []
  if (channels > 0) capabilities.push('multifd')
  if (mappedRam) capabilities.push('mapped-ram')
  await leavePostmigrate(qmp, { signal })
  const events = qmp.listen('MIGRATION')
  try {
    await setCapabilities(qmp, capabilities)
    await setParameters(qmp, features, options)
    throwIfCancelled(OPERATION, signal)
    await qmp.execute('migrate', { uri })
    return new OutgoingMigration(qmp, events, signal)
  } catch (error) {
    events[Symbol.dispose]()
    if (qmp.state === 'ready') await resetMigration(qmp)
    throw error
  }
}
