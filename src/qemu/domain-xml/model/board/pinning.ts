import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, requiredAttribute, whole } from '../../access.ts'
import { invalid } from '../../location.ts'
import { parseNumberSet } from '../../values.ts'

/** The processors of the host on which the threads of a machine run. */
export interface Pinning {
  /** Those of threads that have none of their own; `undefined`: any. */
  readonly usual: readonly number[] | undefined
  /** By the number of the guest's processor. */
  readonly vcpus: ReadonlyMap<number, readonly number[]>
  /** All other threads of QEMU. */
  readonly emulator: readonly number[] | undefined
  /** By the id of the I/O thread. */
  readonly iothreads: ReadonlyMap<number, readonly number[]>
}

/** Reads the attribute `cpuset` of `<vcpu>`, and the pins in `<cputune>`. */
export function readPinning(domain: Element): Pinning {
  const tune = child(domain, 'cputune')
  const vcpu = child(domain, 'vcpu')
  const pins = (name: string, id: string): ReadonlyMap<number, readonly number[]> =>
    new Map(
      (tune === undefined ? [] : children(tune, name)).map((pin) => [
        whole(pin, id) ?? 0,
        processorsOf(pin),
      ]),
    )
  const emulator = child(tune, 'emulatorpin')
  // libvirt asks another program for processors then.
  const isFixed = attribute(vcpu, 'placement') !== 'auto'
  return {
    usual:
      isFixed && vcpu?.hasAttribute('cpuset') === true
        ? parseNumberSet(attribute(vcpu, 'cpuset') ?? '')
        : undefined,
    vcpus: pins('vcpupin', 'vcpu'),
    emulator: emulator === undefined ? undefined : processorsOf(emulator),
    iothreads: pins('iothreadpin', 'iothread'),
  }
}

function processorsOf(pin: Element): readonly number[] {
  const found = parseNumberSet(requiredAttribute(pin, 'cpuset'))
  if (found === undefined || found.length === 0)
    throw invalid(pin, 'the attribute "cpuset" contains no processor')
  return found
}
