import { DomainError } from '../../errors.ts'
import { runState } from '../../migration/run-state.ts'
import { openControl } from '../machine/monitor.ts'
import { checkOptions } from '../store/check-options.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'

/**
 * Wakes a domain, given by name, UUID or id, that has suspended itself to RAM (ACPI S3).
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE when it does not sleep, DOMAIN_BUSY; QemuError
 * @example
 * await wakeDomain('laptop')
 */
export async function wakeDomain(
  reference: string,
  options: DomainOptions = {},
): Promise<{ readonly name: string }> {
  checkOptions(options)
  const { signal } = options
  await using domain = await HeldDomain.find(reference, 'dompmwakeup', options)
  domain.requireRunning()
  await using control = await openControl(domain.paths, signal)
  const state = await runState(control, { signal })
  if (state !== 'suspended') {
    throw new DomainError(
      'DOMAIN_WRONG_STATE',
      `Domain '${domain.name}' has not suspended itself to RAM`,
      { operation: 'wake up', hint: `\`stasis domstate ${domain.name}\` shows its state` },
    )
  }
  await control.execute('system_wakeup', {}, { signal })
  return { name: domain.name }
}
