import type { VirtioOptions } from '../../domain-xml/model/buses/device.ts'
import type { Properties } from '../arguments.ts'

/** `driver` and the options that all virtio devices share; `base` is a name like `virtio-blk`. */
export function virtioDevice(base: string, options: VirtioOptions, suffix = '-pci'): Properties {
  if (options.transport === 'mmio')
    return { driver: `${base}-device`, iommu_platform: options.iommu, packed: options.packed }
  const model = options.model === undefined ? '' : `-${options.model}`
  return {
    driver: `${base}${suffix}${model}`,
    iommu_platform: options.iommu,
    ats: options.ats,
    packed: options.packed,
    'page-per-vq': options.pagePerVq,
  }
}
