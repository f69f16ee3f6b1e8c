import { buildCommandLine } from '../../../qemu/command-line/build.ts'
import type { CommandLineOptions, InheritedTap } from '../../../qemu/command-line/options.ts'
import { recordedSandbox, sandboxArguments } from '../../../qemu/command-line/limits/sandbox.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import { openedAtStart, userArguments } from '../../../qemu/command-line/limits/other-user.ts'
import { type Confinement, endSocket, pathInQemu } from '../../store/confinement.ts'
import { cpuPropertiesOf, sandboxChoice } from '../emulator.ts'
import { NEEDS_NOTHING } from './launch-needs.ts'
import type { HeldDomain } from '../../catalogue/held-domain.ts'
import type { LaunchPlan } from './launch-plan.ts'

/** The arguments of the QEMU for a machine: its own, or recorded ones, with the filter of system calls and the change of user. */
export function argumentsFor(
  plan: LaunchPlan,
  held: HeldDomain,
  {
    confinement,
    options,
  }: {
    readonly confinement: Confinement | undefined
    readonly options: Pick<
      CommandLineOptions,
      | 'memoryFiles'
      | 'secretFiles'
      | 'tpmFd'
      | 'passtFds'
      | 'opticalDrives'
      | 'scsiDevices'
      | 'hostNodes'
    > & { readonly taps: ReadonlyMap<number, InheritedTap> }
  },
): readonly string[] {
  const { user } = plan
  const choice = sandboxChoice(plan.emulator.probed, { changesUser: user !== undefined })
  if (plan.recorded !== undefined) {
    const { argv } = plan.recorded
    return [...recordedSandbox(argv, choice), ...argv]
  }
  const { monitors } = plan.incoming ?? NEEDS_NOTHING
  const sandbox = sandboxArguments(withoutCards(plan.domain, options.taps), choice)
  const machine = buildCommandLine(plan.domain, {
    ...options,
    qemuVersion: plan.emulator.version,
    cpuProperties: cpuPropertiesOf(plan.emulator),
    monitors,
    incoming: plan.incoming !== undefined,
    sev: plan.emulator.probed.sev,
    cpuOverride: plan.cpuOverride,
    socketDirectory: held.paths.directory,
    spareUserNetworks: plan.spareUserNetworks,
  })
  if (user === undefined || confinement === undefined) return [...sandbox, ...machine]
  const { version } = plan.emulator
  const end = pathInQemu(confinement, endSocket(held.paths))
  return [
    ...sandbox,
    ...userArguments(user.name, version),
    ...openedAtStart(machine),
    ...['-chardev', `socket,id=stasis-end,path=${end},server=on,wait=off`],
  ]
}

/** QEMU needs no program for the cards whose tap devices it inherits. */
function withoutCards(domain: Domain, taps: ReadonlyMap<number, InheritedTap>): Domain {
  return { ...domain, interfaces: domain.interfaces.filter((_, index) => !taps.has(index)) }
}
