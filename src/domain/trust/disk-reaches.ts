import { secretsOf } from '../../qemu/command-line/storage/disk-nodes.ts'
import { usualPort } from '../../qemu/command-line/storage/disk-storage.ts'
import type { DiskLayer } from '../../qemu/domain-xml/model/storage/disk-source.ts'
import type { NetworkSource } from '../../qemu/domain-xml/model/network-disk.ts'
import type { Secret } from '../../qemu/domain-xml/model/secret.ts'
import { type Reach, given, path } from './reach.ts'

/** The reaches of a layer of a disk and of the layers below it. `use` names the layer: `disk`. */
export function layerReaches(use: string, layer: DiskLayer, where: LayerPlace): readonly Reach[] {
  const { backing: below, dataStore, reservations } = layer
  return [
    ...contentReaches(use, layer, where),
    ...secretsOf({ ...layer, backing: undefined, dataStore: undefined }).flatMap((secret) =>
      secretReaches(secret, use, where),
    ),
    ...(typeof below === 'object'
      ? layerReaches('backing file', below, { ...where, write: false })
      : []),
    ...(dataStore === undefined ? [] : layerReaches('data file', dataStore, where)),
    ...(typeof reservations === 'object'
      ? [path('socket for reservations', reservations.path, where)]
      : []),
  ]
}

interface LayerPlace {
  readonly write: boolean
  readonly place: string
}

function contentReaches(use: string, layer: DiskLayer, where: LayerPlace): readonly Reach[] {
  const { format, backing: below } = layer
  const header = below === undefined ? 'with-backing' : 'without-backing'
  switch (layer.type) {
    case 'network':
      return networkReaches(`${format} ${use}`, layer, where)
    case 'vhostvdpa':
      return [path(`${format} ${use}`, layer.device, where)]
    case 'nvme':
      return [path(`${format} ${use}`, `/sys/bus/pci/devices/${layer.controller}`, where)]
    case 'file':
    case 'block':
    case 'dir':
      // The use names the format: read in another one, a disk would begin with a header that the guest has written for QEMU.
      return [
        { ...path(`${format} ${use}`, layer.path, where), ...(format === 'qcow2' && { header }) },
        ...(hasOtherFiles(format) ? [unknownFiles(layer.path, where)] : []),
      ]
  }
}

function networkReaches(
  use: string,
  { network, format, backing: below }: DiskLayer & { readonly type: 'network' },
  where: LayerPlace,
): readonly Reach[] {
  // Nobody can look at its header before QEMU opens the files that it names.
  const unknown = (format === 'qcow2' && below === undefined) || hasOtherFiles(format)
  return [
    ...serverReaches(use, network, where),
    ...(unknown ? [unknownFiles(inWords(use, network), where)] : []),
  ]
}

/** The servers that a disk, or a SCSI device, is on. */
export function serverReaches(
  use: string,
  network: NetworkSource,
  where: LayerPlace,
): readonly Reach[] {
  const { protocol, hosts, config } = network
  const what = inWords(use, network)
  const connect = (value: string): Reach => ({ kind: 'connect', use: what, value, ...where })
  const servers = hosts.map((server) =>
    'socket' in server
      ? path(`socket of ${what}`, server.socket, where)
      : connect(`${server.host}:${server.port ?? usualPort(protocol) ?? 'any'}`),
  )
  return [
    ...servers,
    // If the XML names no servers, the configuration of this host does.
    ...(servers.length === 0 ? [connect(`${protocol}:any`)] : []),
    ...given(config, (file) => path('configuration of Ceph', file, { place: where.place })),
  ]
}

function inWords(use: string, { protocol, name = '', query }: NetworkSource): string {
  return `${protocol} ${use} ${name}${query === undefined ? '' : `?${query}`}`
}

/** Formats whose headers may name more files, which nobody looks at before QEMU opens them. */
function hasOtherFiles(format: DiskLayer['format']): boolean {
  return !['raw', 'qcow2', 'vdi', 'vpc'].includes(format)
}

/** Only a caller who trusts the whole image allows that. */
function unknownFiles(of: string, where: LayerPlace): Reach {
  return { kind: 'command', use: 'files that the disk itself names', value: of, ...where }
}

/** A secret of this host. */
export function secretReaches(
  secret: Secret,
  use: string,
  { place }: LayerPlace,
): readonly Reach[] {
  if ('text' in secret) return []
  const value = 'uuid' in secret ? secret.uuid : `${secret.type}/${secret.usage}`
  return [{ kind: 'secret', use: `secret of the ${use}`, value, write: false, place }]
}
