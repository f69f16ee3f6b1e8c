import { DomainError } from '../../errors.ts'
import { runState } from '../../migration/run-state.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { freezeGuest, requireAgent, thawGuest } from '../machine/freeze.ts'
import { openControl } from '../machine/monitor.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { writeRecord } from '../store/runtime-record.ts'

/**
 * Freezes the file systems of a running guest, given by name, UUID or id, through the guest agent. An image of it says that they are frozen.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE without a channel for an agent; QemuError QEMU_TIMEOUT, QEMU_REFUSED
 * @example
 * await freezeDomain('web')
 */
export async function freezeDomain(
  reference: string,
  options: DomainOptions = {},
): Promise<{ readonly name: string }> {
  await using held = await HeldDomain.find(reference, 'domfsfreeze', options)
  const record = held.requireRunning()
  await requireRunningGuest(held, options)
  await requireAgent(held.name, held.paths)
  await writeRecord(held.paths, { ...record, frozen: true })
  await freezeGuest(held.name, held.paths)
  return { name: held.name }
}

/**
 * Thaws the file systems of a running guest, given by name, UUID or id, through the guest agent.
 * @throws as `freezeDomain`
 * @example
 * await thawDomain('web')
 */
export async function thawDomain(
  reference: string,
  options: DomainOptions = {},
): Promise<{ readonly name: string }> {
  await using held = await HeldDomain.find(reference, 'domfsthaw', options)
  held.requireRunning()
  await requireRunningGuest(held, options)
  await thawGuest(held.name, held.paths)
  return { name: held.name }
}

async function requireRunningGuest(
  { name, paths }: HeldDomain,
  { signal }: DomainOptions,
): Promise<void> {
  await using control = await openControl(paths, signal)
  if ((await runState(control, { signal })) === 'running') return
  throw new DomainError(
    'DOMAIN_WRONG_STATE',
    `The agent of domain '${name}' cannot answer: its guest is not running`,
    { hint: `\`stasis resume ${name}\` resumes it` },
  )
}
