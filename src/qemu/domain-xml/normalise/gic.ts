import type { Element } from '@xmldom/xmldom'
import { attribute, child } from '../access.ts'
import { chipsetIn } from './chipset.ts'
import { create, insertBefore, insertTopLevel, setDefault } from './edit.ts'
import type { NormaliseOptions } from './options.ts'

/**
 * Names the version of ARM's interrupt controller, which the guest sees: 2 without KVM, with it the newest of the host. As in libvirt
 * (qemuDomainDefEnableDefaultFeatures, 11.3).
 */
export function fillGic(root: Element, { gicVersions = [] }: NormaliseOptions): void {
  if (chipsetIn(root) !== 'virt') return
  const features = child(root, 'features') ?? insertTopLevel(root, create(root, 'features'))
  const gic = child(features, 'gic') ?? insertBefore(features, create(features, 'gic'), () => false)
  const kvm = attribute(root, 'type') === 'kvm'
  setDefault(gic, 'version', kvm ? Math.max(2, ...gicVersions) : 2)
}
