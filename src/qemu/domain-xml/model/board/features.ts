import type { Element } from '@xmldom/xmldom'
import {
  attribute,
  child,
  children,
  flag,
  requiredAttribute,
  sizeInBytes,
  whole,
} from '../../access.ts'
import { invalid } from '../../location.ts'

/** `<features>`; QEMU decides on features that are absent, except that `acpi` is off without its element, as in libvirt. */
export interface Features {
  readonly acpi: boolean
  readonly apicEoi: boolean | undefined
  readonly hyperv: HypervFeatures | undefined
  readonly kvm: Readonly<Record<string, boolean>>
  readonly dirtyRingSize: number | undefined
  readonly pvspinlock: boolean | undefined
  readonly pmu: boolean | undefined
  readonly vmport: boolean | undefined
  readonly ps2: boolean | undefined
  readonly smm: boolean | undefined
  readonly tsegBytes: number | undefined
  readonly ioapic: 'kvm' | 'qemu' | undefined
  /** The version of ARM's interrupt controller. */
  readonly gic: '2' | '3' | 'host' | undefined
  /** Whether an ARM guest hears of faults of the host's memory. */
  readonly ras: boolean | undefined
  readonly vmcoreinfo: boolean
  /** Whether the memory is freed by a process that outlives QEMU. */
  readonly asyncTeardown: boolean | undefined
  readonly translationCacheBytes: number | undefined
}

export interface HypervFeatures {
  readonly passthrough: boolean
  /** Names as in the XML: `relaxed`, `vapic`, `stimer` …, and `stimer/direct` for nested ones. */
  readonly on: ReadonlySet<string>
  readonly spinlockRetries: number | undefined
  readonly vendorId: string | undefined
}

/** Reads `<features>`. */
export function readFeatures(element: Element | undefined): Features {
  const kvm = child(element, 'kvm')
  const ring = child(kvm, 'dirty-ring')
  const smm = child(element, 'smm')
  const tseg = child(smm, 'tseg')
  const cache = child(child(element, 'tcg'), 'tb-cache')
  return {
    acpi: child(element, 'acpi') !== undefined,
    apicEoi: flag(child(element, 'apic'), 'eoi'),
    hyperv: readHyperv(child(element, 'hyperv')),
    kvm: Object.fromEntries(
      (kvm === undefined ? [] : children(kvm)).map((one) => [one.nodeName, state(one) ?? false]),
    ),
    dirtyRingSize: state(ring) === true ? (whole(ring, 'size') ?? 4096) : undefined,
    pvspinlock: state(child(element, 'pvspinlock')),
    pmu: state(child(element, 'pmu')),
    vmport: state(child(element, 'vmport')),
    ps2: state(child(element, 'ps2')),
    smm: state(smm),
    tsegBytes: tseg === undefined ? undefined : sizeInBytes(tseg, undefined, 'MiB'),
    ioapic: attribute(child(element, 'ioapic'), 'driver') as Features['ioapic'],
    gic: attribute(child(element, 'gic'), 'version') as Features['gic'],
    ras: state(child(element, 'ras')),
    vmcoreinfo: state(child(element, 'vmcoreinfo')) === true,
    asyncTeardown: flag(child(element, 'async-teardown'), 'enabled'),
    translationCacheBytes: cache === undefined ? undefined : sizeInBytes(cache),
  }
}

function readHyperv(element: Element | undefined): HypervFeatures | undefined {
  if (element === undefined) return undefined
  const on = new Set<string>()
  for (const one of children(element)) {
    if (state(one) !== true) continue
    on.add(one.nodeName)
    for (const inner of children(one)) {
      if (state(inner) === true) on.add(`${one.nodeName}/${inner.nodeName}`)
    }
  }
  return {
    passthrough: attribute(element, 'mode') === 'passthrough',
    on,
    spinlockRetries: whole(child(element, 'spinlocks'), 'retries'),
    vendorId: on.has('vendor_id') ? readVendor(child(element, 'vendor_id')) : undefined,
  }
}

/** At most twelve characters, the size of the processor's field. */
function readVendor(element: Element | undefined): string | undefined {
  if (element === undefined) return undefined
  const value = requiredAttribute(element, 'value')
  if (!/^[^,]{1,12}$/.test(value)) throw invalid(element, `"${value}" is not a valid vendor id`)
  return value
}

/** A feature's switch: its `state`, on when the element is there without one. */
function state(element: Element | undefined): boolean | undefined {
  return element === undefined ? undefined : (flag(element, 'state') ?? true)
}
