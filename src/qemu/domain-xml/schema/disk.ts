import { bootOrder, deviceParts, encrypted, virtioDriver } from './parts.ts'
import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  holding,
  kindOfDevice,
  onOff,
  refused,
  valueWithoutEffect,
  whole,
  withoutEffect,
} from './rule.ts'

const format: ElementRule = attributes({ type: kindOfDevice('raw', 'qcow2') })

const sourceParts: Readonly<Record<string, ElementRule>> = {
  seclabel: withoutEffect('this program does not label files'),
  encryption: { ...encrypted, carries: 'device' },
  reservations: { ...refused('persistent reservations are not supported'), carries: 'device' },
  slices: { ...refused('parts of files as disks are not supported'), carries: 'device' },
  dataStore: { ...refused('data files beside a qcow2 file are not supported'), carries: 'device' },
}

const sourceAttributes = {
  file: anyText,
  dev: anyText,
  startupPolicy: choice('mandatory', 'requisite', 'optional'),
  index: valueWithoutEffect('libvirt numbers the disk’s layers with it'),
}

/** The layers of a disk nest; sixteen levels exceed any real chain. */
function backingStoreRule(depth: number): ElementRule {
  return {
    attributes: {
      type: kindOfDevice('file', 'block'),
      index: valueWithoutEffect('libvirt numbers the disk’s layers with it'),
    },
    children: {
      format,
      source: { attributes: sourceAttributes, children: sourceParts },
      ...(depth === 0 ? {} : { backingStore: backingStoreRule(depth - 1) }),
    },
  }
}

/** `<disk>` */
export const diskRule: ElementRule = {
  attributes: {
    type: kindOfDevice('file', 'block'),
    device: kindOfDevice('disk', 'cdrom', 'floppy'),
    model: kindOfDevice('virtio', 'virtio-transitional', 'virtio-non-transitional'),
    snapshot: valueWithoutEffect('it only concerns snapshots'),
    rawio: choice('no'),
    sgio: choice('filtered'),
  },
  children: {
    ...deviceParts,
    boot: bootOrder,
    driver: {
      attributes: {
        ...virtioDriver,
        name: choice('qemu'),
        type: kindOfDevice('raw', 'qcow2'),
        cache: choice('default', 'none', 'writethrough', 'writeback', 'directsync', 'unsafe'),
        error_policy: choice('stop', 'report', 'ignore', 'enospace'),
        rerror_policy: choice('stop', 'report', 'ignore'),
        io: choice('threads', 'native', 'io_uring'),
        ioeventfd: onOff,
        event_idx: onOff,
        copy_on_read: choice('off'),
        discard: choice('unmap', 'ignore'),
        discard_no_unref: onOff,
        detect_zeroes: choice('off', 'on', 'unmap'),
        iothread: whole,
        queues: whole,
        queue_size: whole,
      },
    },
    source: { attributes: sourceAttributes, children: sourceParts },
    backingStore: backingStoreRule(16),
    mirror: withoutEffect('libvirt records a running copy job with it'),
    target: attributes({
      dev: anyText,
      bus: kindOfDevice('virtio', 'sata', 'ide', 'scsi', 'usb', 'fdc'),
      tray: choice('closed'),
      removable: onOff,
      rotation_rate: whole,
    }),
    iotune: withoutEffect('it limits the disk on the host'),
    readonly: {},
    shareable: {},
    transient: { ...refused('transient disks are not supported'), carries: 'device' },
    serial: holding(anyText),
    wwn: holding(anyText),
    vendor: holding(anyText),
    product: holding(anyText),
    blockio: attributes({
      logical_block_size: whole,
      physical_block_size: whole,
      discard_granularity: whole,
    }),
    geometry: attributes({
      cyls: whole,
      heads: whole,
      secs: whole,
      trans: choice('none', 'lba', 'auto'),
    }),
    encryption: { ...encrypted, carries: 'device' },
    auth: { ...refused('network disks are not supported'), carries: 'device' },
  },
}
