import { throwIfCancelled } from '../errors.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import type { QmpEventListener } from '../qmp/events.ts'
import { incomingFailure, migrationFailed } from './failure.ts'
import type { MigrationFeatures } from './features.ts'
import { type MigrationProgress, progressOf } from './progress.ts'
import { type MigrationSettings, prepareFreshMigration, prepareMigration } from './settings.ts'
import { migrationEnd, firstTerminalStatus } from './watch.ts'

const OPERATION = 'load the saved machine'

/** Without an event for this long, query QEMU. */
const SILENCE_MS = 500

/** Source and settings: channels and compression must be those of the stream. */
export interface IncomingOptions extends Omit<
  MigrationSettings,
  'compressionLevel' | 'zeroPageDetection'
> {
  /** `unix:PATH` (QEMU listens there once it accepts the command), `exec:COMMAND`, `file:PATH,offset=N` … */
  readonly uri: string
  readonly features: MigrationFeatures
  /** This QEMU was just started and has its default settings. */
  readonly fresh?: boolean | undefined
  /** Ends the waiting; only ending QEMU ends an incoming migration. */
  readonly signal?: AbortSignal | undefined
}

/** An incoming migration. */
export class IncomingMigration {
  readonly #qmp: QmpConnection
  readonly #completed: Promise<void>

  /** Made by `startIncoming`; `events` was opened before the command was sent and is closed here. */
  constructor(
    qmp: QmpConnection,
    events: QmpEventListener<'MIGRATION'>,
    signal: AbortSignal | undefined,
  ) {
    this.#qmp = qmp
    this.#completed = this.#follow(events, signal)
    this.#completed.catch(() => undefined)
  }

  /**
   * Settles when everything is loaded; the guest is stopped, `contVm` starts it.
   * @throws QemuError MIGRATION_FAILED with QEMU's reason (QEMU may be dead then; if not, the caller must end it), QEMU_DIED; CancelledError
   */
  completed(): Promise<void> {
    return this.#completed
  }

  /** Queries the progress. @throws QemuError */
  async progress(): Promise<MigrationProgress> {
    return progressOf(await this.#qmp.execute('query-migrate'))
  }

  async #follow(
    events: QmpEventListener<'MIGRATION'>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    using _ = events
    try {
      // The final event suffices for a success; after a failure, or without events, query QEMU.
      if ((await firstTerminalStatus(events, { signal, timeoutMs: SILENCE_MS })) === 'completed')
        return
      const end = await migrationEnd(this.#qmp, events, { signal })
      if (end?.phase === 'completed') return
      throw migrationFailed(
        this.#qmp,
        OPERATION,
        end?.phase === 'failed' ? end.reason : 'another client cancelled it',
      )
    } catch (error) {
      throw incomingFailure(OPERATION, error)
    }
  }
}

/**
 * Starts an incoming migration in a QEMU that was started with `-incoming defer`. Where QEMU supports it, QEMU stays alive after a failure to report
 * the reason.
 * @throws QemuError QEMU_LACKS_FEATURE, QEMU_REFUSED, QEMU_DIED; CancelledError
 */
export async function startIncoming(
  qmp: QmpConnection,
  options: IncomingOptions,
): Promise<IncomingMigration> {
  const { uri, features, signal } = options
  throwIfCancelled(OPERATION, signal)
  const events = qmp.listen('MIGRATION')
  try {
    const prepare = options.fresh === true ? prepareFreshMigration : prepareMigration
    const prepared = prepare(qmp, features, options)
    if (options.fresh !== true) await prepared
    const stay = features.exitOnError ? { 'exit-on-error': false } : {}
    await Promise.all([prepared, qmp.execute('migrate-incoming', { uri, ...stay }, { signal })])
    return new IncomingMigration(qmp, events, signal)
  } catch (error) {
    events[Symbol.dispose]()
    throw incomingFailure(OPERATION, error)
  }
}
