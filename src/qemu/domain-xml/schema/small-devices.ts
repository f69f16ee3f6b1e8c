import { deviceParts, virtioDriver } from './parts.ts'
import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  holding,
  kindOfDevice,
  onOff,
  whole,
  withoutEffect,
  yesNo,
} from './rule.ts'

/** `<shmem>` */
export const sharedMemoryRule: ElementRule = {
  attributes: { name: anyText, role: choice('master', 'peer') },
  children: {
    ...deviceParts,
    model: attributes({ type: kindOfDevice('ivshmem-plain', 'ivshmem-doorbell') }),
    size: { attributes: { unit: anyText }, text: whole },
    server: attributes({ path: anyText }),
    msi: attributes({ enabled: yesNo, vectors: whole, ioeventfd: onOff }),
  },
}

/** `<vsock>` */
export const vsockRule: ElementRule = {
  attributes: { model: kindOfDevice('virtio', 'virtio-transitional', 'virtio-non-transitional') },
  children: {
    ...deviceParts,
    cid: attributes({ auto: yesNo, address: whole }),
    driver: { attributes: virtioDriver },
  },
}

/** `<pstore>` */
export const pstoreRule: ElementRule = {
  attributes: { backend: kindOfDevice('acpi-erst') },
  children: {
    ...deviceParts,
    path: holding(anyText),
    size: { attributes: { unit: anyText }, text: whole },
    seclabel: withoutEffect('this program does not label files'),
  },
}
