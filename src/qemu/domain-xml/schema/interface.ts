import { bootOrder, deviceParts, hostLimit, live, rom, virtioDriver } from './parts.ts'
import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  kindOfDevice,
  mac,
  onOff,
  refused,
  valueWithoutEffect,
  whole,
  withoutEffect,
  yesNo,
} from './rule.ts'

const offloads: ElementRule = attributes({
  csum: onOff,
  gso: onOff,
  tso4: onOff,
  tso6: onOff,
  ecn: onOff,
  ufo: onOff,
  mrg_rxbuf: onOff,
})

/** `<interface>` */
export const interfaceRule: ElementRule = {
  hostSide: {
    attribute: 'type',
    closed: 'null',
    isHost: 'hostdev',
    parts: [
      ...['source', 'target', 'script', 'downscript', 'backend', 'portForward', 'ip', 'route'],
      ...['bandwidth', 'tune', 'port', 'filterref', 'vlan', 'virtualport'],
    ],
  },
  attributes: {
    type: kindOfDevice(
      ...[
        'user',
        'ethernet',
        'bridge',
        'network',
        'direct',
        'vhostuser',
        'vdpa',
        'hostdev',
        'null',
      ],
      ...['client', 'server', 'mcast', 'udp'],
    ),
    managed: live,
    trustGuestRxFilters: valueWithoutEffect(
      'it lets libvirt follow the addresses that the guest sets',
    ),
  },
  children: {
    ...deviceParts,
    boot: bootOrder,
    rom,
    mac: attributes({ address: mac, type: withoutEffectValue(), check: withoutEffectValue() }),
    source: {
      attributes: {
        bridge: anyText,
        dev: anyText,
        network: anyText,
        type: choice('unix'),
        path: anyText,
        // Of a macvtap, or of a socket.
        mode: choice('vepa', 'bridge', 'private', 'passthrough', 'server', 'client'),
        portgroup: anyText,
        portid: live,
        address: anyText,
        port: whole,
      },
      children: {
        local: attributes({ address: anyText, port: whole }),
        address: attributes({
          type: choice('pci'),
          domain: whole,
          bus: whole,
          slot: whole,
          function: whole,
        }),
        reconnect: attributes({ enabled: yesNo, timeout: whole }),
      },
    },
    target: attributes({ dev: anyText, managed: yesNo }),
    script: attributes({ path: anyText }),
    downscript: attributes({ path: anyText }),
    model: attributes({
      type: kindOfDevice(
        'virtio',
        'virtio-transitional',
        'virtio-non-transitional',
        'e1000',
        'e1000e',
        'rtl8139',
        'pcnet',
        'ne2k_pci',
        'igb',
        'vmxnet3',
      ),
    }),
    driver: {
      attributes: {
        ...virtioDriver,
        name: choice('qemu', 'vhost'),
        txmode: choice('iothread', 'timer'),
        ioeventfd: onOff,
        event_idx: onOff,
        queues: whole,
        rx_queue_size: whole,
        tx_queue_size: whole,
        rss: onOff,
        rss_hash_report: onOff,
      },
      children: { host: offloads, guest: offloads },
    },
    backend: {
      attributes: {
        type: kindOfDevice('default', 'passt'),
        logFile: anyText,
        tap: anyText,
        vhost: anyText,
      },
    },
    portForward: {
      attributes: { proto: choice('tcp', 'udp'), address: anyText, dev: anyText },
      children: { range: attributes({ start: whole, end: whole, to: whole, exclude: yesNo }) },
    },
    ip: attributes({
      address: anyText,
      family: choice('ipv4', 'ipv6'),
      prefix: whole,
      peer: anyText,
    }),
    route: refused('it exists only in containers'),
    mtu: attributes({ size: whole }),
    link: attributes({ state: choice('up', 'down') }),
    bandwidth: hostLimit,
    tune: hostLimit,
    coalesce: hostLimit,
    port: hostLimit,
    guest: withoutEffect('it names the device inside containers'),
    // `connectNetworks` connects a card with a filter, or with tags of another switch than Open vSwitch, only as the caller says.
    filterref: withoutEffect('the network that the caller names has it'),
    vlan: {
      attributes: { trunk: yesNo },
      children: { tag: attributes({ id: whole, nativeMode: choice('tagged', 'untagged') }) },
    },
    virtualport: {
      attributes: { type: anyText },
      children: {
        parameters: attributes({
          interfaceid: anyText,
          profileid: anyText,
          ...Object.fromEntries(
            ['managerid', 'typeid', 'typeidversion', 'instanceid'].map((name) => [
              name,
              valueWithoutEffect('only switches that Stasis does not know use it'),
            ]),
          ),
        }),
      },
    },
    teaming: attributes({ type: choice('persistent', 'transient'), persistent: anyText }),
  },
}

function withoutEffectValue(): typeof live {
  return { kind: 'without-effect', reason: 'it says where the address came from' }
}
