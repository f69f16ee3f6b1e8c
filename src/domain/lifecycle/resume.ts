import { checkOptions } from '../store/check-options.ts'
import { DomainError } from '../../errors.ts'
import { cancelMigration } from '../../migration/cancel.ts'
import { resetMigration } from '../../migration/reset.ts'
import { contVm, runState } from '../../migration/run-state.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { liveDomain } from '../store/dump-xml.ts'
import { HeldDomain } from '../store/held-domain.ts'
import { beginGuest } from '../restore/check-stale.ts'
import { openControl } from '../machine/monitor.ts'
import { removeConsumedManagedSave } from '../store/reconcile.ts'

/**
 * Resumes a paused domain, given by name, UUID or id, also one whose save was killed.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE, DOMAIN_BUSY, QemuError
 * @example
 * await resumeDomain('web')
 */
export async function resumeDomain(
  reference: string,
  options: DomainOptions = {},
): Promise<{ readonly name: string }> {
  checkOptions(options)
  const { signal } = options
  await using domain = await HeldDomain.find(reference, 'resume', options)
  const record = domain.requireRunning()
  await using control = await openControl(domain.paths, signal)
  if ((await runState(control, { signal })) === 'running') {
    throw new DomainError('DOMAIN_WRONG_STATE', `Domain '${domain.name}' is already running`)
  }
  const left = await cancelMigration(control)
  if (left !== undefined) await resetMigration(control)
  const begun = await beginGuest(domain, record, await liveDomain(domain.paths))
  await contVm(control, { signal })
  await removeConsumedManagedSave(domain.paths, begun)
  return { name: domain.name }
}
