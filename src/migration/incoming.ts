import { throwIfCancelled } from '../errors.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import type { QmpEventListener } from '../qmp/events.ts'
import { incomingFailure, migrationFailed } from './failure.ts'
import type { MigrationFeatures } from './features.ts'
import { type MigrationProgress, progressOf } from './progress.ts'
import { type MigrationSettings, prepareFreshMigration, prepareMigration } from './settings.ts'
import { migrationEnd, firstTerminalStatus } from './watch.ts'

const OPERATION = 'load the saved machine'

/** How long the silence of events may last before QEMU is asked. */
const SILENCE_MS = 500

/** Where from and how: channels and compression must be those that the stream was made with. */
export interface IncomingOptions extends Omit<
  MigrationSettings,
  'compressionLevel' | 'zeroPageDetection'
> {
  /** `unix:PATH` (QEMU listens there once this is accepted), `exec:COMMAND`, `file:PATH,offset=N` … */
  readonly uri: string
  readonly features: MigrationFeatures
  /** This QEMU was started with nothing set but what we know of. */
  readonly fresh?: boolean | undefined
  /** Ends the waiting; an incoming migration can only be ended with its QEMU. */
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
   * Settles when everything is loaded; the guest stands, `contVm` lets it run.
   * @throws QemuError MIGRATION_FAILED with QEMU's reason (its QEMU may be dead then, and must be ended if not), QEMU_DIED; CancelledError
   */
  completed(): Promise<void> {
    return this.#completed
  }

  /** A look at where it is. @throws QemuError */
  async progress(): Promise<MigrationProgress> {
    return progressOf(await this.#qmp.execute('query-migrate'))
  }

  async #follow(
    events: QmpEventListener<'MIGRATION'>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    using _ = events
    try {
      // The event of the end is enough when it went well; else, and in the silence of events, QEMU is asked.
      if ((await firstTerminalStatus(events, { signal, timeoutMs: SILENCE_MS })) === 'completed')
        return
      const end = await migrationEnd(this.#qmp, events, { signal })
      if (end?.phase === 'completed') return
      throw migrationFailed(
        this.#qmp,
        OPERATION,
        end?.phase === 'failed' ? end.reason : 'it was cancelled by somebody else',
      )
    } catch (error) {
      throw incomingFailure(OPERATION, error)
    }
  }
}

/**
 * Starts an incoming migration in a QEMU that was started with `-incoming defer`. Where QEMU can, it stays alive after a failure
 * to say why.
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
