import type { Element } from '@xmldom/xmldom'
import { attribute, child, children } from '../access.ts'
import { type Architecture, USUAL_PROCESSORS } from '../architecture.ts'
import { invalid } from '../location.ts'
import { architectureOf } from './chipset.ts'
import { create, insertBefore, insertTopLevel, setDefault } from './edit.ts'

/** Makes QEMU's default processor explicit, and adds libvirt's attributes for the host's own. */
export function fillProcessor(root: Element): void {
  const architecture = architectureOf(root)
  const cpu = child(root, 'cpu') ?? insertTopLevel(root, create(root, 'cpu'))
  const mode = attribute(cpu, 'mode')
  if (child(cpu, 'model') === undefined && (mode === undefined || mode === 'custom'))
    nameModel(root, cpu, architecture)
  const named = attribute(cpu, 'mode')
  if (named === 'host-passthrough' || named === 'maximum') {
    setDefault(cpu, 'check', 'none')
    const x86 = architecture !== 'aarch64'
    if (x86 && named === 'host-passthrough') setDefault(cpu, 'migratable', 'on')
  }
  if (architecture === 'aarch64') fillVectors(cpu)
}

function nameModel(root: Element, cpu: Element, architecture: Architecture): void {
  // KVM of ARM knows no model but the host's.
  if (architecture === 'aarch64' && attribute(root, 'type') === 'kvm') {
    cpu.setAttribute('mode', 'host-passthrough')
    return
  }
  setDefault(cpu, 'mode', 'custom')
  setDefault(cpu, 'match', 'exact')
  setDefault(cpu, 'check', 'none')
  const model = create(cpu, 'model', { fallback: 'forbid' }, USUAL_PROCESSORS[architecture])
  insertBefore(cpu, model, () => true)
}

/** A length of ARM's vectors needs the vectors (qemuDomainDefCPUPostParse, libvirt 11.3). */
function fillVectors(cpu: Element): void {
  const features = children(cpu, 'feature')
  const isOn = (feature: Element): boolean =>
    ['require', 'force'].includes(attribute(feature, 'policy') ?? 'require')
  const all = features.find((one) => attribute(one, 'name') === 'sve')
  const length = features.find((one) => /^sve\d+$/.test(attribute(one, 'name') ?? '') && isOn(one))
  if (length === undefined) return
  if (all !== undefined && !isOn(all))
    throw invalid(length, 'the processor has no vectors: "sve" is disabled')
  if (all === undefined) cpu.appendChild(create(cpu, 'feature', { policy: 'require', name: 'sve' }))
}
