import { DISK_FORMATS, UNKNOWN_SOURCE } from '../disk-words.ts'
import { bootOrder, deviceParts, iothreadMap, virtioDriver } from './parts.ts'
import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  holding,
  kindOfDevice,
  onOff,
  type ValueRule,
  valueWithoutEffect,
  whole,
  withoutEffect,
  yesNo,
} from './rule.ts'

const secret: ElementRule = attributes({ type: anyText, uuid: anyText, usage: anyText })

const encryption: ElementRule = {
  attributes: {
    format: kindOfDevice('luks', 'luks2', 'luks-any'),
    engine: choice('qemu', 'librbd'),
  },
  children: { secret },
}

/** `<auth>`: the user and the secret for a server. */
export const auth: ElementRule = {
  attributes: { username: anyText, type: valueWithoutEffect('the protocol says it') },
  children: { secret },
}

const metadataCache: ElementRule = {
  children: { max_size: { attributes: { unit: anyText }, text: whole } },
}

const format: ElementRule = {
  attributes: { type: kindOfDevice(...DISK_FORMATS) },
  children: { metadata_cache: metadataCache },
}

const layerKind = {
  kind: 'choice',
  of: ['file', 'block', 'dir', 'network', 'nvme'],
  leavesOut: 'device',
  hints: {
    volume:
      'The storage pool of libvirt is not on this host, or has no directory. Name the file: <disk type="file"> with <source file="…"/>',
  },
} as const satisfies ValueRule

/** `<host>`: a server with the content of a disk. */
export const server: ElementRule = attributes({
  name: anyText,
  port: whole,
  transport: kindOfDevice('tcp', 'unix'),
  socket: anyText,
})

/** `<initiator>`: the name of this host for an iSCSI server. */
export const initiator: ElementRule = { children: { iqn: attributes({ name: anyText }) } }

/** Only a whole disk can be elsewhere so. */
const diskKind = { ...layerKind, of: [...layerKind.of, 'vhostuser', 'vhostvdpa'] }

const sourceParts: Readonly<Record<string, ElementRule>> = {
  seclabel: withoutEffect('this program does not label files'),
  encryption,
  auth,
  reservations: {
    attributes: { managed: yesNo },
    children: {
      source: attributes({ type: choice('unix'), path: anyText, mode: choice('client') }),
    },
  },
  slices: {
    children: { slice: attributes({ type: choice('storage'), offset: whole, size: whole }) },
  },
  host: server,
  snapshot: attributes({ name: anyText }),
  config: attributes({ file: anyText }),
  initiator,
  identity: {
    attributes: {
      user: anyText,
      group: anyText,
      username: anyText,
    },
  },
  ssl: attributes({ verify: yesNo }),
  cookies: { children: { cookie: { attributes: { name: anyText }, text: anyText } } },
  timeout: attributes({ seconds: whole }),
  readahead: attributes({ size: whole }),
  reconnect: attributes({ delay: whole, enabled: yesNo, timeout: whole }),
  knownHosts: withoutEffect('QEMU compares the host with the known hosts of its own user'),
  address: attributes({
    type: kindOfDevice('pci'),
    domain: whole,
    bus: whole,
    slot: whole,
    function: whole,
  }),
}

const sourceAttributes = {
  file: anyText,
  dev: anyText,
  dir: anyText,
  protocol: kindOfDevice(
    'rbd',
    'nbd',
    'iscsi',
    'http',
    'https',
    'ftp',
    'ftps',
    'nfs',
    'gluster',
    'ssh',
  ),
  name: anyText,
  query: anyText,
  tls: yesNo,
  tlsHostname: anyText,
  type: kindOfDevice('pci', 'unix'),
  path: anyText,
  mode: choice('client'),
  managed: valueWithoutEffect('an NVMe controller must be bound to vfio-pci before'),
  namespace: whole,
  index: valueWithoutEffect('libvirt numbers the disk’s layers with it'),
}

/** A qcow2 file's data; it has no backing of its own. */
const dataStore: ElementRule = {
  attributes: { type: layerKind, index: valueWithoutEffect('libvirt numbers layers with it') },
  children: { format, source: { attributes: sourceAttributes, children: sourceParts } },
}

const layerSource: ElementRule = {
  attributes: {
    ...sourceAttributes,
    startupPolicy: choice('mandatory', 'requisite', 'optional'),
  },
  children: { ...sourceParts, dataStore },
}

/** The layers of a disk nest; sixteen levels exceed any real chain. */
function backingStoreRule(depth: number): ElementRule {
  return {
    attributes: {
      type: layerKind,
      index: valueWithoutEffect('libvirt numbers the disk’s layers with it'),
    },
    children: {
      format,
      source: layerSource,
      ...(depth === 0 ? {} : { backingStore: backingStoreRule(depth - 1) }),
    },
  }
}

const RATES = ['bytes', 'iops'].flatMap((unit) =>
  ['total', 'read', 'write'].map((kind) => `${kind}_${unit}_sec`),
)

/** The children of `<iotune>`. */
const limits: Readonly<Record<string, ElementRule>> = {
  ...Object.fromEntries(
    RATES.flatMap((rate) => [rate, `${rate}_max`, `${rate}_max_length`]).map((name) => [
      name,
      holding(whole),
    ]),
  ),
  size_iops_sec: holding(whole),
  group_name: holding(anyText),
}

/** `<disk>` */
export const diskRule: ElementRule = {
  hostSide: {
    attribute: 'type',
    closed: UNKNOWN_SOURCE,
    parts: ['source', 'backingStore', 'encryption', 'auth'],
    onlyToLook: true,
  },
  attributes: {
    type: diskKind,
    device: kindOfDevice('disk', 'cdrom', 'floppy', 'lun'),
    model: kindOfDevice('virtio', 'virtio-transitional', 'virtio-non-transitional'),
    snapshot: valueWithoutEffect('it only concerns snapshots'),
    rawio: valueWithoutEffect('it gives QEMU no right that it does not have'),
    sgio: choice('filtered'),
  },
  children: {
    ...deviceParts,
    boot: bootOrder,
    driver: {
      attributes: {
        ...virtioDriver,
        name: choice('qemu'),
        type: choice(...DISK_FORMATS, 'fat'),
        cache: choice('default', 'none', 'writethrough', 'writeback', 'directsync', 'unsafe'),
        error_policy: choice('stop', 'report', 'ignore', 'enospace'),
        rerror_policy: choice('stop', 'report', 'ignore'),
        io: choice('threads', 'native', 'io_uring'),
        ioeventfd: onOff,
        event_idx: onOff,
        copy_on_read: onOff,
        discard: choice('unmap', 'ignore'),
        discard_no_unref: onOff,
        detect_zeroes: choice('off', 'on', 'unmap'),
        iothread: whole,
        queues: whole,
        queue_size: whole,
      },
      children: {
        metadata_cache: metadataCache,
        iothreads: iothreadMap,
      },
    },
    source: layerSource,
    backingStore: backingStoreRule(16),
    mirror: withoutEffect('libvirt records a running copy job with it'),
    target: attributes({
      dev: anyText,
      bus: kindOfDevice('virtio', 'sata', 'ide', 'scsi', 'usb', 'fdc'),
      tray: valueWithoutEffect('the state of the machine contains it'),
      removable: onOff,
      rotation_rate: whole,
    }),
    iotune: { children: limits },
    throttlefilters: { children: { throttlefilter: attributes({ group: anyText }) } },
    readonly: {},
    shareable: {},
    transient: attributes({
      shareBacking: valueWithoutEffect(
        'other domains can always use the disk beneath as well',
        yesNo,
      ),
    }),
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
    encryption,
    auth,
  },
}
