import { DomainXmlError } from '../../../errors.ts'
import type { HostDeviceSource } from '../../domain-xml/model/devices/host-device.ts'
import type { LayerSource } from '../../domain-xml/model/storage/disk-source.ts'
import { blockdev, device } from '../arguments.ts'
import { bootIndexes } from '../boot.ts'
import { hostDeviceId } from '../devices/host-devices.ts'
import { secretObject } from '../storage/disk-nodes.ts'
import { storageProperties } from '../storage/disk-storage.ts'
import { driveProperties } from '../storage/drive-address.ts'
import type { CommandLineOptions } from '../options.ts'
import type { Wiring } from '../buses/wiring.ts'

/** A SCSI unit, of this host or of an iSCSI server. */
type ScsiSource = Extract<HostDeviceSource, { readonly type: 'scsi' | 'iscsi' }>

/** SCSI units whose commands come from the guest. */
export function scsiDeviceArguments(
  wiring: Wiring,
  options: CommandLineOptions,
): readonly string[] {
  const indexes = bootIndexes(wiring.domain)
  return wiring.domain.hostDevices.flatMap((one, at) => {
    const { source, place, readonly } = one
    if (source.type !== 'scsi' && source.type !== 'iscsi') return []
    const id = hostDeviceId(one, at, wiring)
    const node = `libvirt-${id}-backend`
    const auth = `${node}-secret0`
    return [
      ...(source.type === 'iscsi' ? secretObject(auth, source.network.auth?.secret, options) : []),
      ...blockdev({
        ...storageProperties(storageOf(source, place, options), {
          ...{ optical: false, floppy: false, writable: !readonly, place },
          secrets: { auth, cookies: '', encryption: '', tls: '' },
        }),
        'node-name': node,
        'read-only': readonly,
      }),
      ...device({
        driver: 'scsi-generic',
        ...driveProperties({ ...one, bus: 'scsi' }, wiring),
        drive: node,
        id,
        bootindex: indexes.get(one),
      }),
    ]
  })
}

function storageOf(
  source: ScsiSource,
  place: string,
  { scsiDevices }: CommandLineOptions,
): LayerSource {
  if (source.type === 'iscsi') return { type: 'network', network: source.network }
  const path = scsiDevices?.get(source.at)
  if (path !== undefined) return { type: 'block', path }
  throw new DomainXmlError(
    'XML_INVALID',
    `${place}/source: this host has no SCSI device ${source.at}`,
    { hint: '`lsscsi -g` lists them; each needs a device /dev/sgN, of the kernel module "sg"' },
  )
}
