import type { Domain } from '../../domain-xml/model/domain.ts'
import { onOff } from '../arguments.ts'
import { audioBackendOf } from '../screen-and-sound/audio.ts'
import { firmwareMachineOptions } from './firmware.ts'
import { launchSecurityOf } from './launch-security.ts'
import { hasCellBackends, ramId } from './memory.ts'
import { describesLatency } from './memory-latency.ts'
import type { CommandLineOptions } from '../options.ts'

/**
 * `-machine` and `-accel`. An image loads only with the same versioned machine type and the same id of the RAM block (notes/libvirt: QEMU refuses an
 * image of another machine type, and another id is an unknown block).
 */
export function machineArguments(domain: Domain, options: CommandLineOptions): readonly string[] {
  const { features, memoryBacking } = domain
  const hpet = domain.clock.timers.find((timer) => timer.name === 'hpet')?.present
  const parts: readonly (readonly [string, string | undefined])[] = [
    ['usb', 'off'],
    ['vmport', onOff(features.vmport)],
    ['smm', onOff(features.smm)],
    ['i8042', onOff(features.ps2)],
    ['kernel_irqchip', irqchip(features.ioapic)],
    ['gic-version', features.gic],
    ['ras', onOff(features.ras)],
    ['iommu', domain.iommus.some(({ model }) => model === 'smmuv3') ? 'smmuv3' : undefined],
    ['dump-guest-core', onOff(domain.dumpCore)],
    ['mem-merge', memoryBacking.merge ? undefined : 'off'],
    ['memory-backend', hasCellBackends(domain) ? undefined : ramId(domain)],
    ['confidential-guest-support', launchSecurityOf(domain)],
    ...firmwareMachineOptions(domain),
    ['hmat', describesLatency(domain) ? 'on' : undefined],
    ['nvdimm', domain.memoryDevices.some(({ model }) => model === 'nvdimm') ? 'on' : undefined],
    ['graphics', domain.os.useSerial ? 'off' : undefined],
    ['pcspk-audiodev', speakerBackend(domain)],
    ['hpet', onOff(hpet)],
    ['acpi', onOff(features.acpi)],
  ]
  const machine = [
    domain.os.machine,
    ...parts.filter(([, value]) => value !== undefined).map(([key, value]) => `${key}=${value}`),
  ]
  return ['-machine', machine.join(','), '-accel', accelerator(domain, options)]
}

/** Where the sound of the PC's speaker goes. */
function speakerBackend(domain: Domain): string | undefined {
  const speaker = domain.sounds.find(({ model }) => model === 'pcspk')
  return speaker === undefined ? undefined : audioBackendOf(domain, speaker.audioId)
}

/** The accelerator that the guest runs with. */
export function acceleratorOf(domain: Domain, options: CommandLineOptions): 'kvm' | 'tcg' {
  return options.accelerator ?? (domain.type === 'kvm' ? 'kvm' : 'tcg')
}

function accelerator(domain: Domain, options: CommandLineOptions): string {
  const name = acceleratorOf(domain, options)
  const ring = domain.features.dirtyRingSize
  if (name === 'kvm') return ring === undefined ? name : `kvm,dirty-ring-size=${ring}`
  const cache = domain.features.translationCacheBytes
  return cache === undefined ? name : `tcg,tb-size=${Math.floor(cache / 1024 / 1024)}`
}

function irqchip(ioapic: 'kvm' | 'qemu' | undefined): string | undefined {
  if (ioapic === undefined) return undefined
  return ioapic === 'kvm' ? 'on' : 'split'
}
