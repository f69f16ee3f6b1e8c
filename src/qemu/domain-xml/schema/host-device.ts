import { auth, initiator, server } from './disk.ts'
import { bootOrder, deviceParts, rom, virtioDriver } from './parts.ts'
import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  kindOfDevice,
  onOff,
  valueWithoutEffect,
  whole,
  withoutEffect,
} from './rule.ts'

/** `<hostdev>` */
export const hostDeviceRule: ElementRule = {
  attributes: {
    mode: kindOfDevice('subsystem'),
    type: kindOfDevice('usb', 'pci', 'mdev', 'scsi', 'scsi_host'),
    model: kindOfDevice('vfio-pci', 'virtio', 'virtio-transitional', 'virtio-non-transitional'),
    managed: valueWithoutEffect('the device must be bound to vfio-pci before the start'),
    display: onOff,
    ramfb: onOff,
    rawio: valueWithoutEffect('it gives QEMU no right that it does not have'),
    sgio: choice('filtered'),
  },
  children: {
    ...deviceParts,
    address: {
      attributes: {
        ...deviceParts['address']?.attributes,
        // libvirt only binds it to vfio-pci, for devices of its group; the guest does not have it.
        type: kindOfDevice('pci', 'usb', 'drive', 'unassigned'),
      },
    },
    boot: bootOrder,
    rom,
    driver: withoutEffect('QEMU has only one way to give a device to a guest'),
    source: {
      attributes: {
        guestReset: choice('off', 'uninitialized', 'on'),
        startupPolicy: choice('mandatory'),
        protocol: kindOfDevice('vhost', 'iscsi'),
        wwpn: anyText,
        name: anyText,
        writeFiltering: valueWithoutEffect('it concerns Xen'),
      },
      children: {
        vendor: attributes({ id: whole }),
        product: attributes({ id: whole }),
        address: attributes({
          domain: whole,
          bus: whole,
          slot: whole,
          function: whole,
          device: whole,
          uuid: anyText,
          target: whole,
          unit: whole,
        }),
        adapter: attributes({ name: anyText }),
        host: server,
        auth,
        initiator,
      },
    },
    readonly: {},
    shareable: withoutEffect('Stasis locks no SCSI device of the host'),
    teaming: attributes({ type: choice('transient'), persistent: anyText }),
  },
}

const owners = attributes({ start: whole, target: whole, count: whole })

/** `<filesystem>` */
export const sharedDirectoryRule: ElementRule = {
  attributes: {
    type: kindOfDevice('mount'),
    accessmode: choice('passthrough', 'mapped', 'squash'),
    model: kindOfDevice('virtio', 'virtio-transitional', 'virtio-non-transitional'),
    fmode: anyText,
    dmode: anyText,
    multidevs: choice('default', 'remap', 'forbid', 'warn'),
  },
  children: {
    ...deviceParts,
    driver: {
      attributes: {
        ...virtioDriver,
        type: kindOfDevice('path', 'virtiofs'),
        wrpolicy: choice('immediate'),
        queue: whole,
      },
    },
    source: attributes({ dir: anyText, socket: anyText }),
    target: attributes({ dir: anyText }),
    readonly: {},
    idmap: { children: { uid: owners, gid: owners } },
    boot: bootOrder,
    binary: {
      attributes: {
        path: valueWithoutEffect('this host says where virtiofsd is'),
        xattr: onOff,
      },
      children: {
        cache: attributes({ mode: choice('none', 'always') }),
        sandbox: attributes({ mode: choice('namespace', 'chroot') }),
        thread_pool: attributes({ size: whole }),
        // Off is the only state that the virtiofsd in Rust has.
        lock: attributes({ posix: choice('off'), flock: choice('off') }),
        openfiles: attributes({ max: whole }),
      },
    },
  },
}
