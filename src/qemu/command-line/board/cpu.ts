import { type Architecture, USUAL_PROCESSORS } from '../../domain-xml/architecture.ts'
import type { Cpu } from '../../domain-xml/model/board/cpu.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import type { HypervFeatures } from '../../domain-xml/model/board/features.ts'
import { featureParts } from './cpu-features.ts'
import { acceleratorOf } from './machine.ts'
import type { CommandLineOptions } from '../options.ts'

/** The order of the Hyper-V features on libvirt's command line. */
const HYPERV = [
  'relaxed',
  'vapic',
  'spinlocks',
  'vpindex',
  'runtime',
  'synic',
  'stimer',
  'reset',
  'vendor_id',
  'frequencies',
  'reenlightenment',
  'tlbflush',
  'ipi',
  'evmcs',
  'avic',
  'emsr_bitmap',
  'xmm_input',
]

/** Features inside other ones, and QEMU's words for them (target/i386/cpu.c, QEMU 7.2 to 11.1). */
const HYPERV_INNER = [
  ['direct', 'direct'],
  ['extended', 'ext'],
] as const

/**
 * `-cpu`. A cookie's processor has priority over the domain's own: it is the one that the guest really had.
 *
 * `host-model` means the named model nearest to the host's processor, which libvirt finds in its own database. Stasis does not have that database, so
 * the mode becomes `host` under KVM and `max` under TCG, like `host-passthrough`. An image from libvirt names the model in its cookie, so this does
 * not affect it.
 */
export function cpuArguments(domain: Domain, options: CommandLineOptions): readonly string[] {
  const kvm = acceleratorOf(domain, options) === 'kvm'
  const cpu = options.cpuOverride ?? domain.cpu
  const parts = [
    ...modelParts(cpu, { kvm, architecture: domain.os.arch }, options),
    ...timerParts(domain),
    ...switchPart('kvm-pv-eoi', domain.features.apicEoi),
    ...switchPart('kvm-pv-unhalt', domain.features.pvspinlock),
    ...hypervParts(domain.features.hyperv),
    ...(domain.panics.some((panic) => panic.model === 'hyperv') ? ['hv-crash'] : []),
    ...kvmParts(domain.features.kvm),
    ...switchPart('pmu', domain.features.pmu),
    ...cacheParts(domain.cpu),
    ...addressParts(domain.cpu),
  ]
  return ['-cpu', parts.join(',')]
}

function modelParts(
  cpu: Cpu | undefined,
  { kvm, architecture }: { readonly kvm: boolean; readonly architecture: Architecture },
  options: CommandLineOptions,
): readonly string[] {
  const usual = USUAL_PROCESSORS[architecture]
  if (cpu === undefined) return [usual]
  const named = cpu.mode === 'custom'
  const model = named ? (cpu.model ?? usual) : cpu.mode === 'maximum' || !kvm ? 'max' : 'host'
  return [
    model,
    ...(named ? [] : switchPart('migratable', cpu.migratable)),
    ...(cpu.vendorId === undefined ? [] : [`vendor=${cpu.vendorId}`]),
    ...featureParts(cpu.features, options),
  ]
}

function timerParts(domain: Domain): readonly string[] {
  return domain.clock.timers.flatMap(({ name, present, frequencyHz, tickPolicy }) => {
    if (name === 'kvmclock') return switchPart('kvmclock', present)
    if (name === 'hypervclock' && present !== false) return ['hv-time=on']
    if (name === 'armvtimer' && tickPolicy !== undefined)
      return [`kvm-no-adjvtime=${tickPolicy === 'discard' ? 'on' : 'off'}`]
    if (name === 'tsc' && frequencyHz !== undefined) return [`tsc-frequency=${frequencyHz}`]
    return []
  })
}

function hypervParts(features: HypervFeatures | undefined): readonly string[] {
  if (features === undefined) return []
  const parts = features.passthrough ? ['hv-passthrough=on'] : []
  for (const name of HYPERV.filter((one) => features.on.has(one))) {
    if (name === 'spinlocks')
      parts.push(`hv-spinlocks=0x${(features.spinlockRetries ?? 4095).toString(16)}`)
    else if (name === 'vendor_id') parts.push(`hv-vendor-id=${features.vendorId ?? ''}`)
    else parts.push(`hv-${name.replaceAll('_', '-')}=on`)
    for (const [inner, qemuName] of HYPERV_INNER) {
      if (features.on.has(`${name}/${inner}`)) parts.push(`hv-${name}-${qemuName}=on`)
    }
  }
  return parts
}

function kvmParts(kvm: Readonly<Record<string, boolean>>): readonly string[] {
  return [
    ...(kvm['hidden'] === true ? ['kvm=off'] : []),
    ...(kvm['hint-dedicated'] === true ? ['kvm-hint-dedicated=on'] : []),
    ...(kvm['poll-control'] === true ? ['kvm-poll-control=on'] : []),
    ...(kvm['pv-ipi'] === false ? ['kvm-pv-ipi=off'] : []),
  ]
}

function cacheParts(cpu: Cpu | undefined): readonly string[] {
  const passedOn = cpu?.mode === 'host-passthrough' || cpu?.mode === 'maximum'
  const hostOff = passedOn ? ['host-cache-info=off'] : []
  switch (cpu?.cache) {
    case 'emulate':
      return ['l3-cache=on', ...hostOff]
    case 'passthrough':
      return ['host-cache-info=on', 'l3-cache=off']
    case 'disable':
      return [...hostOff, 'l3-cache=off']
    case undefined:
      return []
  }
}

function addressParts(cpu: Cpu | undefined): readonly string[] {
  const bits = cpu?.maxPhysAddr
  if (bits === undefined) return []
  if (bits.mode === 'emulate')
    return [bits.bits === undefined ? 'host-phys-bits=off' : `phys-bits=${bits.bits}`]
  return [
    'host-phys-bits=on',
    ...(bits.limit === undefined ? [] : [`host-phys-bits-limit=${bits.limit}`]),
  ]
}

function switchPart(name: string, value: boolean | undefined): readonly string[] {
  return value === undefined ? [] : [`${name}=${value ? 'on' : 'off'}`]
}
