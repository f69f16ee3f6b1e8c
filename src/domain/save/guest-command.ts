import { StasisError, messageOf } from '../../errors.ts'
import type { Act } from '../acts/keep-act.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { runGuestCommand } from '../machine/guest-command.ts'

/** The outcome of the command in the guest before a save. */
export interface CommandBeforeSave {
  readonly ran: boolean
  readonly warnings: readonly string[]
}

/**
 * Runs the command of the configuration in the guest before it is stopped. While a host is saved, an agent that does not answer is only a warning: the guest would be lost.
 * @throws as `runGuestCommand`
 */
export async function commandBeforeSave(
  { paths, record }: HeldDomain,
  act: Act,
  { running, signal }: { readonly running: boolean; readonly signal: AbortSignal },
): Promise<CommandBeforeSave> {
  const planned = act.guestCommand('before-save')
  if (planned === undefined) return { ran: false, warnings: [] }
  const notRun = (reason: string): CommandBeforeSave => ({
    ran: false,
    warnings: [`${planned.command[0]} was not run in the guest: ${reason}`],
  })
  if (!running) return notRun('the guest is not running')
  if (record?.frozen === true) return notRun('its file systems are frozen')
  try {
    const onResult = act.keepGuestCommand.bind(act)
    return { ran: await runGuestCommand(paths, planned, { onResult, signal }), warnings: [] }
  } catch (error) {
    const isSilent = StasisError.is(error, 'QEMU_TIMEOUT')
    if (isSilent && act.during === 'host-save') return notRun(messageOf(error))
    throw error
  }
}

/** After a save that failed, the guest continues: runs the command that it would run after a restore. Returns what to add about its state. */
export async function commandAfterFailure({ paths }: HeldDomain, act: Act): Promise<string> {
  const planned = act.guestCommand('after-restore')
  if (planned === undefined) return ''
  return runGuestCommand(paths, planned, { onResult: act.keepGuestCommand.bind(act) }).then(
    () => '',
    (error: unknown) => `. ${messageOf(error)}`,
  )
}
