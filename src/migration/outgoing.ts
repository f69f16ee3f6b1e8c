import { CancelledError, throwIfCancelled } from '../errors.ts'
import { anySignal } from '../io/any-signal.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import type { QmpEventListener } from '../qmp/events.ts'
import { cancelMigration } from './cancel.ts'
import { migrationFailed } from './failure.ts'
import type { MigrationFeatures } from './features.ts'
import { type MigrationProgress, type MigrationStats, progressOf } from './progress.ts'
import { resetMigration } from './reset.ts'
import { leavePostmigrate, migrationFinalized } from './run-state.ts'
import { type MigrationSettings, prepareMigration } from './settings.ts'
import { migrationEnd } from './watch.ts'

const OPERATION = 'send the state of the machine'

/** Destination and settings. */
export interface OutgoingOptions extends MigrationSettings {
  /** `unix:PATH`, `exec:COMMAND`, `file:PATH,offset=N` … */
  readonly uri: string
  readonly features: MigrationFeatures
  /** Runs when QEMU has its settings, just before it begins: the place for a stop of the guest that shall be short. */
  readonly beforeStart?: (() => Promise<void>) | undefined
  /** When aborted, the migration is cancelled and `completed()` throws `CancelledError`. */
  readonly signal?: AbortSignal | undefined
}

/**
 * An outgoing migration. Disposing it cancels a migration that is still active and restores QEMU's settings as far as QEMU permits. That never
 * throws, so that the error that ended the scope is the one that is reported.
 */
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
    this.#completed = this.#follow(events, anySignal(this.#cancel.signal, signal))
    this.#completed.catch(() => undefined)
  }

  /**
   * Settles when QEMU has sent everything. The guest is then in `postmigrate`; `contVm` resumes it.
   * @throws QemuError MIGRATION_FAILED with QEMU's reason, QEMU_DIED; CancelledError
   */
  completed(): Promise<MigrationStats> {
    return this.#completed
  }

  /** Queries the progress. @throws QemuError */
  async progress(): Promise<MigrationProgress> {
    return progressOf(await this.#qmp.execute('query-migrate'))
  }

  /** Cancels the migration and waits for its end, whatever its outcome; the guest stays stopped. @throws QemuError QEMU_TIMEOUT, QEMU_DIED */
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
      .then(() => resetMigration(this.#qmp))
      .catch(() => undefined)
  }

  async #follow(
    events: QmpEventListener<'MIGRATION'>,
    signal: AbortSignal,
  ): Promise<MigrationStats> {
    using _ = events
    try {
      const end = await migrationEnd(this.#qmp, events, { signal, isNew: true })
      await migrationFinalized(this.#qmp, { signal })
      if (end?.phase === 'completed') return end.stats
      throw migrationFailed(
        this.#qmp,
        OPERATION,
        end?.phase === 'failed' ? end.reason : 'another client cancelled it',
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
 * Starts an outgoing migration with exactly these settings. Stop the guest before, unless it is a background snapshot. When this throws, no migration is active and QEMU's settings are
 * restored.
 * @throws QemuError QEMU_LACKS_FEATURE, QEMU_REFUSED, QEMU_DIED; CancelledError
 */
export async function startOutgoing(
  qmp: QmpConnection,
  options: OutgoingOptions,
): Promise<OutgoingMigration> {
  const { uri, features, signal } = options
  throwIfCancelled(OPERATION, signal)
  await leavePostmigrate(qmp, { signal })
  const events = qmp.listen('MIGRATION')
  try {
    await prepareMigration(qmp, features, options)
    throwIfCancelled(OPERATION, signal)
    await options.beforeStart?.()
    await qmp.execute('migrate', { uri })
    return new OutgoingMigration(qmp, events, signal)
  } catch (error) {
    events[Symbol.dispose]()
    await resetMigration(qmp).catch(() => undefined)
    throw error
  }
}
