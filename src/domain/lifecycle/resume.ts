import { setTimeout as delay } from 'node:timers/promises'
import { checkOptions } from '../store/check-options.ts'
import { DomainError, messageOf } from '../../errors.ts'
import { cancelMigration } from '../../migration/cancel.ts'
import { resetMigration } from '../../migration/reset.ts'
import { contVm, runState } from '../../migration/run-state.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { Configuration } from '../configuration/configuration.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { liveDomain } from '../catalogue/live-domain.ts'
import { memoryMissing, postcopyState } from '../store/postcopy-state.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { beginGuest } from '../restore/check-stale.ts'
import { thawGuest } from '../machine/freeze.ts'
import { runGuestCommand } from '../machine/guest-command.ts'
import { openControl } from '../machine/monitor.ts'
import { consumeManagedSave } from '../catalogue/consume-managed-save.ts'

/** How to resume a domain. */
export interface ResumeOptions extends DomainOptions {
  /** Called if the command of the configuration fails in a guest that was restored paused. */
  readonly onWarning?: ((text: string) => void) | undefined
}

/**
 * Resumes a paused domain, given by name, UUID or id, also one whose save was killed.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE, DOMAIN_BUSY, QemuError
 * @example
 * await resumeDomain('web')
 */
export async function resumeDomain(
  reference: string,
  options: ResumeOptions = {},
): Promise<{ readonly name: string }> {
  checkOptions(options)
  const { signal } = options
  await using domain = await HeldDomain.find(reference, 'resume', options)
  const record = domain.requireRunning()
  const memory = await postcopyState(domain.paths)
  if (memory?.state === 'lost') throw memoryMissing(domain.name, memory)
  const { name } = domain
  const isRestored = record.restoredFrom?.begun === false
  const command = isRestored
    ? (await Configuration.read()).guestCommand('after-restore', name)
    : undefined
  await using control = await openControl(domain.paths, signal)
  const before = await runState(control, { signal })
  if (before === 'running' && domain.continued) return { name }
  if (before === 'running')
    throw new DomainError('DOMAIN_WRONG_STATE', `Domain '${name}' is already running`)
  if (before === 'suspended') {
    throw new DomainError('DOMAIN_WRONG_STATE', `Domain '${name}' has suspended itself to RAM`, {
      operation: 'resume',
      hint: `\`stasis dompmwakeup ${name}\` wakes it`,
    })
  }
  const left = await cancelMigration(control)
  if (left !== undefined) await resetMigration(control)
  const { record: begun } = await beginGuest(domain, record, await liveDomain(domain.paths))
  await contVm(control, { signal })
  await consumeManagedSave(domain.paths, begun)
  if (record.frozen === true) await thawGuest(name, domain.paths)
  if (command !== undefined)
    await runGuestCommand(domain.paths, command).catch((error: unknown) =>
      options.onWarning?.(messageOf(error)),
    )
  if (before === 'io-error') await checkGoesOn(name, control)
  return { name }
}

/** How long a guest that had an I/O error is watched: it repeats the request that failed at once. */
const REPEAT_MS = 500
const LOOK_MS = 50

/** @throws DomainError DOMAIN_WRONG_STATE when the same error stops the guest again */
async function checkGoesOn(name: string, control: QmpConnection): Promise<void> {
  for (let waited = 0; waited < REPEAT_MS; waited += LOOK_MS) {
    await delay(LOOK_MS)
    if ((await runState(control)) !== 'io-error') continue
    throw new DomainError(
      'DOMAIN_WRONG_STATE',
      `Domain '${name}' was resumed and stopped again at once: a disk still returns an error`,
      {
        operation: 'resume',
        hint: 'Often the disk is full: free space on the file system of the disk image, then resume again. `stasis save` can save the guest as it is',
      },
    )
  }
}
