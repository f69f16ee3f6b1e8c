import type { HeldDomain } from '../catalogue/held-domain.ts'
import { LaunchedMachine } from '../machine/launch/launch-machine.ts'
import type { PreparedMachine } from '../machine/prepare-machine.ts'
import { qemuUser } from '../machine/qemu-user.ts'
import { takeLinksDown } from '../networks/link-state.ts'
import type { NetworkOptions } from '../networks/network-target.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { rememberNetworks } from '../store/host/known-networks.ts'
import { removeLastEnd } from '../store/last-end.ts'

/** How to boot a machine. */
export interface BootOptions extends DomainOptions, NetworkOptions {
  /** Leave the guest paused. */
  readonly paused?: boolean | undefined
  /** Make the UEFI variable store anew from its template. */
  readonly resetNvram?: boolean | undefined
  /** Called with faults that do not prevent the start. */
  readonly onWarning?: ((text: string) => void) | undefined
  /** Called once the machine is complete, before the guest runs. */
  readonly beforeRun?: (() => Promise<void>) | undefined
}

/** Boots a prepared machine and lets it outlive us. Returns the pid of its QEMU. @throws QemuError, DomainXmlError, StorageError, CancelledError */
export async function bootMachine(
  held: HeldDomain,
  prepared: PreparedMachine,
  options: BootOptions,
): Promise<number> {
  const { signal, onWarning } = options
  const user = await qemuUser()
  await using machine = await LaunchedMachine.launch(held, {
    ...prepared,
    resetNvram: options.resetNvram,
    user,
    signal,
    onWarning,
  })
  await takeLinksDown(machine.control, prepared.domain)
  await rememberNetworks(held.directories, options.networks ?? {})
  await machine.markComplete()
  await options.beforeRun?.()
  await held.confirmOwner()
  if (options.paused !== true) await machine.control.execute('cont', {}, { signal })
  machine.detach()
  await removeLastEnd(held.paths)
  return machine.record.pid
}
