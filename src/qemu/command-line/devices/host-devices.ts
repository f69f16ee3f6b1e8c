import { DomainXmlError } from '../../../errors.ts'
import type { HostDevice, HostDeviceSource } from '../../domain-xml/model/devices/host-device.ts'
import { device, onOff, type Properties } from '../arguments.ts'
import { bootIndexes } from '../boot.ts'
import { virtioDevice } from '../buses/virtio.ts'
import type { Wiring } from '../buses/wiring.ts'

/** Devices of the host that the guest has for itself. QEMU itself says at a save which of them keep the machine from being saved. */
export function hostDeviceArguments(wiring: Wiring): readonly string[] {
  const indexes = bootIndexes(wiring.domain)
  checkOnce(wiring.domain.hostDevices)
  return wiring.domain.hostDevices.flatMap((one, at) => {
    const { source } = one
    // `scsiDeviceArguments` makes these.
    if (source.type === 'scsi' || source.type === 'iscsi') return []
    return device({
      ...sourceProperties(one, source),
      id: hostDeviceId(one, at, wiring),
      bootindex: indexes.get(one),
      failover_pair_id: one.failoverFor,
      ...wiring.address(one),
      rombar: one.rom?.bar === undefined ? undefined : one.rom.bar ? 1 : 0,
      romfile: one.rom?.enabled === false ? '' : one.rom?.file,
    })
  })
}

/** The id of the device at a position of the domain's. */
export function hostDeviceId(device: HostDevice, at: number, wiring: Wiring): string {
  return wiring.idOf(device, device.card === undefined ? `hostdev${at}` : `hostcard${device.card}`)
}

function checkOnce(devices: readonly HostDevice[]): void {
  const seen = new Map<string, HostDevice>()
  for (const one of devices) {
    const key = JSON.stringify(one.source)
    const other = seen.get(key)
    if (other !== undefined)
      throw new DomainXmlError('XML_INVALID', `${one.place}: ${other.place} is the same device`)
    seen.set(key, one)
  }
}

function sourceProperties(
  { display, ramfb, virtio }: HostDevice,
  source: Exclude<HostDeviceSource, { readonly type: 'scsi' | 'iscsi' }>,
): Properties {
  if (source.type === 'usb') return usbProperties(source)
  if (source.type === 'scsi_host')
    return { ...virtioDevice('vhost-scsi', virtio), wwpn: source.wwpn }
  const screen = source.type === 'mdev' ? (display ?? false) : display
  return {
    driver: ramfb ? 'vfio-pci-nohotplug' : 'vfio-pci',
    ...(source.type === 'pci'
      ? { host: source.host }
      : { sysfsdev: `/sys/bus/mdev/devices/${source.uuid}` }),
    display: onOff(screen),
    ramfb: ramfb ? true : undefined,
  }
}

const RESETS: Readonly<Record<string, Properties>> = {
  off: { 'guest-reset': false },
  uninitialized: { 'guest-reset': true, 'guest-resets-all': false },
  on: { 'guest-reset': true, 'guest-resets-all': true },
}

/** By its place on the host's bus, or else any device of that kind. */
function usbProperties({
  at,
  kind,
  guestReset,
}: HostDeviceSource & { readonly type: 'usb' }): Properties {
  const digits = (number: number): string => String(number).padStart(3, '0')
  return {
    driver: 'usb-host',
    ...(at === undefined
      ? { vendorid: kind?.vendor, productid: kind?.product }
      : { hostdevice: `/dev/bus/usb/${digits(at.bus)}/${digits(at.device)}` }),
    ...RESETS[guestReset ?? ''],
  }
}
