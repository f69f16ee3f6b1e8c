import { endQemu } from '../../qemu/end.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { HeldDomain } from '../store/held-domain.ts'
import { recordEnd } from '../store/last-end.ts'
import { clearRuntime } from '../store/presence.ts'

/**
 * Stops a running domain at once, given by name, UUID or id, as if its power were cut. QEMU still flushes its disks.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY; QemuError QEMU_TIMEOUT
 * @example
 * await destroyDomain('web')
 */
export async function destroyDomain(
  reference: string,
  options: DomainOptions = {},
): Promise<{ readonly name: string }> {
  await using domain = await HeldDomain.find(reference, 'destroy', options)
  await endQemu(domain.requireRunning())
  await recordEnd(domain.paths, 'destroyed')
  await clearRuntime(domain.paths)
  return { name: domain.name }
}
