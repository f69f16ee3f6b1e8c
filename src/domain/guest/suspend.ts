import { QemuError, StasisError } from '../../errors.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { openAgent } from '../machine/agent.ts'
import { openControl } from '../machine/monitor.ts'
import { checkOptions } from '../store/check-options.ts'
import type { DomainOptions } from '../store/domain-options.ts'

/** How a guest suspends itself: to RAM, to its disk, or to both. */
export type SuspendTarget = 'mem' | 'disk' | 'hybrid'

const COMMANDS: Readonly<Record<SuspendTarget, string>> = {
  mem: 'guest-suspend-ram',
  disk: 'guest-suspend-disk',
  hybrid: 'guest-suspend-hybrid',
}

/** How long the guest may take: it writes its memory to its disk. */
const SUSPEND_MS = 60_000

/**
 * Makes the guest of a running domain, given by name, UUID or id, suspend itself through the agent inside it, and waits until it is suspended. `wakeDomain` wakes it from RAM. A guest that suspended to its disk is off.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY, DOMAIN_WRONG_STATE if it has no channel for an agent; QemuError QEMU_REFUSED if the guest cannot, QEMU_TIMEOUT
 * @example
 * await suspendGuest('laptop', 'mem')
 */
export async function suspendGuest(
  reference: string,
  target: SuspendTarget,
  options: DomainOptions = {},
): Promise<{ readonly name: string }> {
  checkOptions(options)
  checkOptions({ target }, { target: ['mem', 'disk', 'hybrid'] })
  const { signal } = options
  await using held = await HeldDomain.find(reference, 'dompmsuspend', options)
  held.requireRunning()
  await using control = await openControl(held.paths, signal)
  using events = control.listen('SUSPEND', 'SHUTDOWN')
  using agent = await openAgent(held.name, held.paths)
  const given = new AbortController()
  const happened = events
    .next({ timeoutMs: SUSPEND_MS, signal: given.signal })
    .catch((error: unknown) => {
      // A guest that is off ends its QEMU.
      if (StasisError.is(error, 'QEMU_DIED')) return 'ended'
      throw error
    })
  // The agent answers only if it cannot.
  const refused = agent
    .execute(COMMANDS[target], undefined, { timeoutMs: SUSPEND_MS })
    .then(() => happened)
    .catch((error: unknown) => {
      if (StasisError.is(error, 'QEMU_REFUSED')) throw error
      return happened
    })
  const outcome = await Promise.race([happened, refused]).finally(() => given.abort())
  happened.catch(() => undefined)
  if (outcome !== undefined) return { name: held.name }
  throw new QemuError('QEMU_TIMEOUT', `Domain '${held.name}' did not suspend itself`, {
    hint: 'The guest may not support this: see its own log',
  })
}
