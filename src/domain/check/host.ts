import { StasisError } from '../../errors.ts'
import { kvmAccess } from '../../qemu/probe/accelerator.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { findEmulator } from '../../qemu/probe/find-emulator.ts'
import { hostMemory } from '../../qemu/host-facts.ts'
import { canonicalMachine } from '../../qemu/probe/probe.ts'
import type { ProbedQemu } from '../../qemu/probe/probed-qemu.ts'
import type { Directories } from '../store/directories.ts'
import { networksMissing } from '../networks/connect-networks.ts'
import type { NetworkOptions } from '../networks/network-target.ts'
import { probeEmulator } from '../machine/emulator.ts'
import { type Finding, fault, right, warning } from './finding.ts'
import { listDomains } from '../status/list.ts'

/** Checks whether this host has a QEMU for a domain, with its machine type and its accelerator. */
export async function checkEmulator(
  domain: Domain,
  directories: Directories,
  signal: AbortSignal | undefined,
): Promise<readonly Finding[]> {
  let probed: ProbedQemu
  try {
    const path = await findEmulator({ emulator: domain.emulator, architecture: domain.os.arch })
    probed = await probeEmulator(path, directories, signal, { look: true })
  } catch (error) {
    if (!(error instanceof StasisError) || error.code === 'CANCELLED') throw error
    return [fault('EMULATOR', error.message, error.hint)]
  }
  const { version, emulator } = probed
  return [
    right('EMULATOR', `QEMU ${version} at ${emulator}`),
    checkMachineType(domain, probed),
    ...(await checkAccelerator(domain, probed)),
  ]
}

function checkMachineType({ os }: Domain, probed: ProbedQemu): Finding {
  const machine = canonicalMachine(probed, os.machine)
  if (machine !== undefined) return right('MACHINE_TYPE', `QEMU has the machine type ${machine}`)
  const family = os.machine.replace(/-\d+\.\d+(\.\d+)?$/, '')
  const known = probed.machines.filter(({ name }) => name.startsWith(`${family}-`))
  const newest = known
    .map(({ name }) => name)
    .sort(byVersion)
    .at(-1)
  const text = `QEMU ${probed.version} does not have the machine type ${os.machine}`
  return fault(
    'MACHINE_TYPE',
    newest === undefined ? text : `${text}; its newest one of this kind is ${newest}`,
    'Install the QEMU version in the name, or a newer one that still has this type, and give its path in <emulator> (--xml)',
  )
}

function byVersion(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true })
}

async function checkAccelerator(domain: Domain, probed: ProbedQemu): Promise<readonly Finding[]> {
  if (domain.type !== 'kvm') return []
  if (probed.kvmUsable) return [right('ACCELERATOR', 'KVM can be used')]
  const kvm = await kvmAccess()
  const reason = kvm.usable ? `${probed.emulator} cannot use it` : kvm.reason
  return [
    fault(
      'ACCELERATOR',
      `The guest ran under KVM, which cannot be used here: ${reason}`,
      kvm.usable ? undefined : kvm.hint,
    ),
  ]
}

/** Checks whether the host has enough memory for a guest. */
export async function checkMemory(domain: Domain): Promise<readonly Finding[]> {
  const host = await hostMemory()
  const { hugepages } = domain.memoryBacking
  const free =
    hugepages === undefined
      ? host.availableBytes
      : host.freeHugePages * (hugepages.sizeBytes ?? host.hugePageBytes)
  if (free === 0 && hugepages === undefined) return []
  const mib = (bytes: number): string => `${Math.floor(bytes / 1024 / 1024)} MiB`
  const kind = hugepages === undefined ? '' : ' in huge pages'
  if (domain.memoryBytes <= free)
    return [
      right(
        'MEMORY',
        `The guest needs ${mib(domain.memoryBytes)} of memory, ${mib(free)}${kind} are free`,
      ),
    ]
  const text = `The guest needs ${mib(domain.memoryBytes)} of memory, but only ${mib(free)}${kind} are free`
  const possible = host.totalBytes + host.swapBytes
  return hugepages !== undefined || domain.memoryBytes > possible
    ? [fault('MEMORY', text, 'Restore it on a host with more memory, or reserve more huge pages')]
    : [warning('MEMORY', text, 'Free some memory first, or the host may have to swap')]
}

/** Checks whether the domain's name and UUID are free. */
export async function checkDomainState(
  domain: Domain,
  directories: Directories,
  signal: AbortSignal | undefined,
): Promise<readonly Finding[]> {
  const others = await listDomains({ ...directories, all: true, signal })
  return others.flatMap(({ name, uuid, id, fault: unknown }) => {
    if (name === domain.name && unknown !== undefined)
      return [fault('DOMAIN_STATE', unknown.message, unknown.hint)]
    if (name === domain.name && id !== undefined)
      return [fault('DOMAIN_STATE', `Domain '${name}' is running`, 'Save it or shut it down first')]
    if (name === domain.name && uuid !== '' && uuid !== domain.uuid) {
      const text = `Domain '${name}' is defined with another UUID, ${uuid}`
      return [fault('DOMAIN_STATE', text, 'Restore it with another name (--clone)')]
    }
    if (name !== domain.name && uuid !== '' && uuid === domain.uuid)
      return [fault('DOMAIN_STATE', `The UUID of the domain belongs to domain '${name}'`)]
    return []
  })
}

/** Checks whether this host has the networks of a domain. @throws UsageError for an impossible target */
export async function checkNetworks(
  domain: Domain,
  directories: Directories,
  options: NetworkOptions,
): Promise<readonly Finding[]> {
  const missing = await networksMissing(domain, directories, options)
  return missing.map((one) => {
    const text = `${one.missing[0]?.toUpperCase()}${one.missing.slice(1)}`
    return options.allowLinkDown === true
      ? warning('NETWORK', text, 'The link of the card will be down')
      : fault('NETWORK', text, one.hint)
  })
}
