import { UsageError } from '../../errors.ts'
import { QmpRefusal } from '../../qmp/refusal.ts'
import { findRunning } from '../catalogue/running-entry.ts'
import { openQuery } from '../machine/monitor.ts'
import { checkOptions } from '../store/check-options.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'

/** A command of QEMU's monitor. */
export interface MonitorCommand {
  readonly execute: string
  readonly arguments?: Readonly<Record<string, unknown>> | undefined
}

/** QEMU's reply: its return value, or the error with which it refused. */
export type MonitorReply =
  | { readonly return: unknown }
  | { readonly error: { readonly class: string; readonly desc: string } }

/**
 * Sends a command to QEMU's monitor, even while a save or restore is in progress. Stasis does not know what the command changes: the caller is responsible for such changes.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY; UsageError, QemuError, StorageError
 * @example
 * const reply = await monitorCommand('web', { execute: 'query-status' })
 * if ('return' in reply) console.log(reply.return)
 */
export async function monitorCommand(
  reference: string,
  command: MonitorCommand,
  options: DomainOptions = {},
): Promise<MonitorReply> {
  checkOptions(options)
  if (typeof (command as MonitorCommand | undefined)?.execute !== 'string')
    throw new UsageError('BAD_ARGUMENT', 'A command of the monitor must have the field "execute"')
  const { signal } = options
  const { paths } = await findRunning(await openDirectories(options), reference)
  await using monitor = await openQuery(paths, signal)
  try {
    return { return: await monitor.executeAny(command.execute, command.arguments, { signal }) }
  } catch (error) {
    if (!(error instanceof QmpRefusal)) throw error
    return { error: { class: error.errorClass, desc: error.description } }
  }
}
