import { checkOptions } from '../store/check-options.ts'
import { DomainError, QemuError, StasisError, UsageError } from '../../errors.ts'
import { runState } from '../../migration/run-state.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { openAgent } from '../machine/agent.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { openControl } from '../machine/monitor.ts'

/** A way to ask a guest: by its power button, or through the guest agent. */
export type PowerMode = 'acpi' | 'agent'

/** How to ask a guest to shut down or to reboot. */
export interface PowerOptions extends DomainOptions {
  /** Default: `acpi`. Of several, the guest agent is tried first, as with libvirt. */
  readonly mode?: PowerMode | readonly PowerMode[] | undefined
  /** How long to wait for the guest to shut down, for a reboot by ACPI. Default 60 s. */
  readonly timeoutMs?: number | undefined
}

const MODES: readonly PowerMode[] = ['acpi', 'agent']
const REBOOT_MS = 60_000

/**
 * Asks a running guest, given by name, UUID or id, to shut down. The guest decides whether and when it does.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE, DOMAIN_BUSY; QemuError
 * @example
 * await shutDownDomain('web', { mode: 'agent' })
 */
export async function shutDownDomain(
  reference: string,
  options: PowerOptions = {},
): Promise<{ readonly name: string }> {
  checkOptions(options)
  const modes = modesOf(options)
  await using held = await HeldDomain.find(reference, 'shutdown', options)
  held.requireRunning()
  await using control = await openRunning(held, 'shut down', options)
  const asked = modes.includes('agent') && (await askAgent(held, 'powerdown', modes))
  if (!asked) await control.execute('system_powerdown')
  return { name: held.name }
}

/**
 * Reboots a running guest, given by name, UUID or id. By ACPI, this asks it to shut down, waits until it has, and resets the machine.
 * @throws as `shutDownDomain`; QemuError QEMU_TIMEOUT if the guest does not shut down
 * @example
 * await rebootDomain('web', { timeoutMs: 30_000 })
 */
export async function rebootDomain(
  reference: string,
  options: PowerOptions = {},
): Promise<{ readonly name: string }> {
  checkOptions(options)
  const modes = modesOf(options)
  await using held = await HeldDomain.find(reference, 'reboot', options)
  held.requireRunning()
  await using control = await openRunning(held, 'reboot', options)
  const asked = modes.includes('agent') && (await askAgent(held, 'reboot', modes))
  if (!asked) await rebootByPowerButton(held.name, control, options)
  return { name: held.name }
}

/**
 * Resets the machine of a running domain, given by name, UUID or id, as its reset button would.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY; QemuError
 * @example
 * await resetDomain('web')
 */
export async function resetDomain(
  reference: string,
  options: DomainOptions = {},
): Promise<{ readonly name: string }> {
  await using held = await HeldDomain.find(reference, 'reset', options)
  held.requireRunning()
  await using control = await openControl(held.paths, options.signal)
  await control.execute('system_reset')
  return { name: held.name }
}

/** @throws UsageError BAD_ARGUMENT */
function modesOf({ mode = 'acpi' }: PowerOptions): readonly PowerMode[] {
  const modes = typeof mode === 'string' ? [mode] : mode
  const wrong = modes.find((one) => !MODES.includes(one))
  if (wrong === undefined && modes.length > 0) return modes
  throw new UsageError(
    'BAD_ARGUMENT',
    `mode must be one of ${MODES.join(', ')}, not ${wrong ?? 'none'}`,
  )
}

/** Asks the guest agent. Returns whether that was possible; if it was not, that is an error only where the power button is not allowed as well. */
async function askAgent(
  { name, paths }: HeldDomain,
  act: 'powerdown' | 'reboot',
  modes: readonly PowerMode[],
): Promise<boolean> {
  try {
    using agent = await openAgent(name, paths)
    await agent.send('guest-shutdown', { mode: act })
    return true
  } catch (error) {
    if (modes.includes('acpi') && error instanceof StasisError) return false
    throw error
  }
}

async function openRunning(
  held: HeldDomain,
  act: string,
  options: PowerOptions,
): Promise<QmpConnection> {
  const control = await openControl(held.paths, options.signal)
  const status = await runState(control)
  if (status === 'running' || status === 'suspended') return control
  await control.close()
  throw new DomainError(
    'DOMAIN_WRONG_STATE',
    `Domain '${held.name}' cannot ${act}: its guest is not running`,
    { hint: `\`stasis resume ${held.name}\` resumes it` },
  )
}

/** Normally QEMU ends when its guest powers off. This time it pauses instead, so that it can be reset and resumed. */
async function rebootByPowerButton(
  name: string,
  control: QmpConnection,
  { timeoutMs = REBOOT_MS, signal }: PowerOptions,
): Promise<void> {
  using events = control.listen('SHUTDOWN')
  await control.execute('set-action', { shutdown: 'pause' })
  try {
    await control.execute('system_powerdown')
    if ((await events.next({ timeoutMs, signal })) === undefined) {
      throw new QemuError(
        'QEMU_TIMEOUT',
        `Domain '${name}' cannot be rebooted: it did not shut down within ${timeoutMs / 1000} s`,
        { hint: 'The guest may ignore ACPI events: reboot it from the inside' },
      )
    }
    await control.execute('system_reset')
  } finally {
    await control.execute('set-action', { shutdown: 'poweroff' }).catch(() => undefined)
  }
  await control.execute('cont')
}
