import { DomainError } from '../../errors.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { stateOfRunState } from '../machine/domain-state.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { openControl } from '../machine/monitor.ts'
import { writeRecord } from '../store/runtime-record.ts'

/**
 * Pauses a running domain, given by name, UUID or id. A domain that is already paused stays paused.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE, DOMAIN_BUSY, QemuError, CancelledError
 * @example
 * await suspendDomain('web')
 */
export async function suspendDomain(
  reference: string,
  options: DomainOptions = {},
): Promise<{ readonly name: string }> {
  await using domain = await HeldDomain.find(reference, 'suspend', options)
  const record = domain.requireRunning()
  await using monitor = await openControl(domain.paths, options.signal)
  const { signal } = options
  const { status } = await monitor.execute('query-status', {}, { signal })
  const state = stateOfRunState(status)
  if (state !== 'running' && state !== 'paused') {
    throw new DomainError(
      'DOMAIN_WRONG_STATE',
      `Domain '${domain.name}' cannot be suspended: it is ${state}`,
    )
  }
  // This waits while a processor waits for a page of a lazy restore.
  if (state === 'running') await monitor.execute('stop', {}, { signal })
  // From now on the pause is the user's, and a save will record the guest as paused.
  if (record.interrupted === true || record.continuedAt !== undefined)
    await writeRecord(domain.paths, { ...record, interrupted: undefined, continuedAt: undefined })
  return { name: domain.name }
}
