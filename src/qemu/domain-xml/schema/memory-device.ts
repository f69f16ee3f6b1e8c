import { deviceParts, virtioDriver } from './parts.ts'
import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  holding,
  kindOfDevice,
  numberSet,
  uuid,
  whole,
  yesNo,
} from './rule.ts'

const size: ElementRule = { attributes: { unit: anyText }, text: whole }

/** `<memory>` in `<devices>`: modules, and devices that give the guest memory. */
export const memoryDeviceRule: ElementRule = {
  attributes: {
    model: kindOfDevice('dimm', 'nvdimm', 'virtio-mem', 'virtio-pmem'),
    access: choice('shared', 'private'),
    discard: yesNo,
  },
  children: {
    ...deviceParts,
    address: {
      attributes: {
        ...deviceParts['address']?.attributes,
        type: kindOfDevice('dimm', 'pci'),
        slot: whole,
        base: anyText,
      },
    },
    driver: { attributes: virtioDriver },
    uuid: holding(uuid),
    source: {
      children: {
        path: holding(anyText),
        alignsize: size,
        pmem: {},
        pagesize: size,
        nodemask: holding(numberSet),
      },
    },
    target: {
      attributes: { dynamicMemslots: yesNo },
      children: {
        size,
        node: holding(whole),
        label: { children: { size } },
        readonly: {},
        block: size,
        requested: size,
        current: size,
        address: attributes({ base: anyText }),
      },
    },
  },
}
