import { DomainError, QemuError } from '../../errors.ts'
import { runState } from '../../migration/run-state.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { openAgent } from '../machine/agent.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { HeldDomain } from '../store/held-domain.ts'
import { openControl } from '../machine/monitor.ts'

/** How a guest is asked: by its power button, or by the agent inside it. */
export interface PowerOptions extends DomainOptions {
  /** Default: `acpi`. */
  readonly mode?: 'acpi' | 'agent' | undefined
  /** How long a guest that is asked by ACPI to reboot may take to shut down. Default 60 s. */
  readonly timeoutMs?: number | undefined
}

const REBOOT_MS = 60_000

/**
 * Asks a running guest, given by name, UUID or id, to shut itself down; whether and when it does is for the guest.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE, DOMAIN_BUSY; QemuError
 */
export async function shutDownDomain(
  reference: string,
  options: PowerOptions = {},
): Promise<{ readonly name: string }> {
  await using held = await HeldDomain.find(reference, 'shutdown', options)
  held.requireRunning()
  await using control = await openRunning(held, 'shut down', options)
  if (options.mode === 'agent') {
    using agent = await openAgent(held.name, held.paths)
    await agent.send('guest-shutdown', { mode: 'powerdown' })
  } else await control.execute('system_powerdown')
  return { name: held.name }
}

/**
 * Reboots a running guest, given by name, UUID or id: by ACPI it is asked to shut down and its machine is then reset, which this waits for.
 * @throws what `shutDownDomain` throws; QemuError QEMU_TIMEOUT when it does not shut down
 */
export async function rebootDomain(
  reference: string,
  options: PowerOptions = {},
): Promise<{ readonly name: string }> {
  await using held = await HeldDomain.find(reference, 'reboot', options)
  held.requireRunning()
  await using control = await openRunning(held, 'reboot', options)
  if (options.mode === 'agent') {
    using agent = await openAgent(held.name, held.paths)
    await agent.send('guest-shutdown', { mode: 'reboot' })
  } else await rebootByPowerButton(held.name, control, options)
  return { name: held.name }
}

/**
 * Resets the machine of a running domain, given by name, UUID or id, as its reset button does.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY; QemuError
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
    `Domain '${held.name}' cannot be asked to ${act}: its guest does not run`,
    { hint: `\`stasis resume ${held.name}\` lets it run; \`stasis destroy\` ends it` },
  )
}

/** QEMU would end when its guest has powered off: for this once it stops instead, is reset and goes on. */
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
        `Domain '${name}' did not shut down within ${timeoutMs / 1000} s to be rebooted`,
        { hint: `Its guest may not listen to ACPI: \`stasis reset ${name}\` does not ask it` },
      )
    }
    await control.execute('system_reset')
  } finally {
    await control.execute('set-action', { shutdown: 'poweroff' }).catch(() => undefined)
  }
  await control.execute('cont')
}
