import { DomainXmlError } from '../../../errors.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import type { Wiring } from '../buses/wiring.ts'

/**
 * Refuses settings that a machine of another architecture can have and this one cannot. QEMU would also refuse them, in words that name nothing of the XML.
 *
 * @throws DomainXmlError `XML_INVALID` with the place and what to do
 */
export function refuseOtherArchitectures({ domain, chipset }: Wiring): void {
  const arm = chipset === 'virt'
  const found = arm ? onlyOnPc(domain) : onlyOnArm(domain)
  if (found === undefined) return
  throw new DomainXmlError(
    'XML_INVALID',
    `${found}: it exists only on ${arm ? 'x86' : 'ARM'} machines: remove it`,
  )
}

function onlyOnArm({ features, os, clock, serials }: Domain): string | undefined {
  if (features.gic !== undefined) return '/domain/features/gic'
  if (features.ras !== undefined) return '/domain/features/ras'
  if (os.deviceTree !== undefined) return '/domain/os/dtb'
  if (clock.timers.some(({ name }) => name === 'armvtimer')) return '/domain/clock/timer'
  return serials.find(({ target }) => target === 'system-serial')?.place
}

function onlyOnPc(domain: Domain): string | undefined {
  const { features, cpu, clock, pm } = domain
  const names = ['hyperv', 'pvspinlock', 'vmport', 'ps2', 'smm', 'ioapic'] as const
  const feature = names.find((name) => features[name] !== undefined)
  if (feature !== undefined) return `/domain/features/${feature}`
  if (features.apicEoi !== undefined) return '/domain/features/apic/@eoi'
  const hint = Object.keys(features.kvm).find((name) => name !== 'dirty-ring')
  if (hint !== undefined) return `/domain/features/kvm/${hint}`
  if (cpu?.migratable !== undefined) return '/domain/cpu/@migratable'
  if (cpu?.cache !== undefined) return '/domain/cpu/cache'
  if (cpu?.maxPhysAddr !== undefined) return '/domain/cpu/maxphysaddr'
  if (cpu?.vendorId !== undefined) return '/domain/cpu/model/@vendor_id'
  const timer = clock.timers.find(({ name }) => name !== 'rtc' && name !== 'armvtimer')
  if (timer !== undefined) return `/domain/clock/timer (${timer.name})`
  if (pm.suspendToMem ?? pm.suspendToDisk) return '/domain/pm'
  return deviceOfPc(domain)
}

/** A device on a bus that only PCs have. */
function deviceOfPc(domain: Domain): string | undefined {
  const { disks, controllers, serials, parallels, inputs, panics, watchdogs, sounds, tpms } = domain
  return [
    ...disks.filter(({ bus }) => bus === 'fdc' || bus === 'ide'),
    ...controllers.filter(({ type, index }) => type === 'fdc' || (type === 'ide' && index === 0)),
    ...controllers.filter(({ pciHole64Bytes }) => pciHole64Bytes !== undefined),
    ...serials.filter(({ target }) => target === 'isa-serial' || target === 'isa-debug'),
    ...parallels,
    ...inputs.filter(({ bus }) => bus === 'ps2'),
    ...panics.filter(({ model }) => model !== 'pvpanic'),
    ...watchdogs.filter(({ model }) => model === 'itco' || model === 'ib700'),
    ...sounds.filter(({ model }) => model === 'sb16' || model === 'pcspk'),
    ...tpms.filter(
      ({ model, backend }) =>
        model === 'tpm-crb' || (backend.type === 'emulator' && backend.version === '1.2'),
    ),
  ][0]?.place
}
