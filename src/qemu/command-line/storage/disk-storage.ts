import type { DiskEncryption, LayerSource } from '../../domain-xml/model/storage/disk-source.ts'
import type { DiskServer, NetworkSource } from '../../domain-xml/model/network-disk.ts'
import { DomainXmlError } from '../../../errors.ts'
import type { JsonValue, Properties } from '../arguments.ts'

/** The names of the secrets of a layer, as objects of QEMU; those of its encryption have numbers at the end. */
export interface SecretNames {
  readonly auth: string
  readonly cookies: string
  readonly encryption: string
  /** The certificates for its server. */
  readonly tls: string
}

/** The ports of libvirt for servers without one (storage_source_conf.c, 11.3). */
const PORTS = {
  nbd: 10809,
  iscsi: 3260,
  http: 80,
  https: 443,
  ftp: 21,
  ftps: 990,
  gluster: 24007,
  ssh: 22,
} as const

/** The port that a server of a protocol has unless the XML says another; `undefined` where the program that connects knows it. */
export function usualPort(protocol: NetworkSource['protocol']): number | undefined {
  return protocol in PORTS ? PORTS[protocol as keyof typeof PORTS] : undefined
}

/** Where the content of a layer is. */
type Storage = LayerSource & { readonly encryption?: DiskEncryption | undefined }

/** The block driver for the content of a layer, and its properties (QEMU qapi/block-core.json). */
export function storageProperties(
  layer: Storage,
  {
    optical,
    floppy,
    writable,
    place,
    secrets,
  }: {
    readonly optical: boolean
    readonly floppy: boolean
    readonly writable: boolean
    readonly place: string
    readonly secrets: SecretNames
  },
): Properties {
  switch (layer.type) {
    case 'file':
      return { driver: 'file', filename: layer.path }
    case 'block':
      return { driver: optical ? 'host_cdrom' : 'host_device', filename: layer.path }
    case 'dir':
      return { driver: 'vvfat', dir: layer.path, floppy, rw: writable }
    case 'nvme':
      return { driver: 'nvme', device: layer.controller, namespace: layer.namespace }
    case 'vhostvdpa':
      return { driver: 'virtio-blk-vhost-vdpa', path: layer.device }
    case 'network':
      return networkProperties(layer, place, secrets)
  }
}

function networkProperties(
  layer: Storage & { readonly type: 'network' },
  place: string,
  secrets: SecretNames,
): Properties {
  const { network } = layer
  const { protocol, name = '', hosts } = network
  const servers = hosts.map((server) => address(server, protocol))
  const [server] = servers
  const invalid = (text: string): DomainXmlError =>
    new DomainXmlError('XML_INVALID', `${place}/source: ${text}`)
  const one = (): JsonValue & object => {
    if (servers.length !== 1 || server === undefined)
      throw invalid(`${protocol} needs exactly one <host>`)
    return server
  }
  switch (protocol) {
    case 'nbd':
      return {
        driver: 'nbd',
        server: one(),
        export: network.name,
        'tls-creds': network.tls ? secrets.tls : undefined,
        'tls-hostname': network.tlsHostName,
        'reconnect-delay': network.reconnectSeconds,
      }
    case 'rbd':
      return rbd(layer, secrets, invalid)
    case 'gluster': {
      const [, volume, path] = /^\/?([^/]+)\/(.+)$/.exec(name) ?? []
      if (volume === undefined) throw invalid(`"${name}" is not VOLUME/PATH`)
      return { driver: 'gluster', volume, path, server: servers, debug: 4 }
    }
    case 'iscsi':
      return iscsi(network, secrets, inet(hosts, invalid))
    case 'http':
    case 'https':
    case 'ftp':
    case 'ftps':
      return remoteFile(network, protocol, secrets, inet(hosts, invalid))
    case 'nfs': {
      const { host } = inet(hosts, invalid)
      return {
        driver: 'nfs',
        server: { host, type: 'inet' },
        path: name,
        user: number(network.user, invalid),
        group: number(network.group, invalid),
      }
    }
    case 'ssh':
      return ssh(network, place, invalid)
  }
}

function iscsi(
  { name = '', auth, initiator }: NetworkSource,
  secrets: SecretNames,
  { host, port }: ReturnType<typeof inet>,
): Properties {
  const [, target = name, lun = '0'] = /^(.*)\/(\d+)$/.exec(name) ?? []
  return {
    driver: 'iscsi',
    portal: `${bracketed(host)}:${port ?? PORTS.iscsi}`,
    target,
    lun: Number(lun),
    transport: 'tcp',
    user: auth?.user,
    'password-secret': auth && secrets.auth,
    'initiator-name': initiator,
  }
}

function ssh(
  { name = '', hosts, auth, user }: NetworkSource,
  place: string,
  invalid: (text: string) => DomainXmlError,
): Properties {
  if (auth !== undefined)
    throw new DomainXmlError(
      'XML_UNSUPPORTED',
      `${place}/source/auth: QEMU has no passwords for SSH`,
      { hint: 'Use an SSH agent, and <identity username=…> for the name' },
    )
  const { host, port } = inet(hosts, invalid)
  return { driver: 'ssh', path: name, server: { host, port: String(port ?? PORTS.ssh) }, user }
}

function remoteFile(
  network: NetworkSource,
  protocol: 'http' | 'https' | 'ftp' | 'ftps',
  secrets: SecretNames,
  { host, port }: ReturnType<typeof inet>,
): Properties {
  const { name = '', auth } = network
  const query = network.query === undefined ? '' : `?${network.query}`
  const path = name.startsWith('/') ? name : `/${name}`
  return {
    driver: protocol,
    url: `${protocol}://${bracketed(host)}:${port ?? PORTS[protocol]}${path}${query}`,
    username: auth?.user,
    'password-secret': auth && secrets.auth,
    sslverify: network.sslVerify,
    'cookie-secret': network.cookies === undefined ? undefined : secrets.cookies,
    timeout: network.timeoutSeconds,
    readahead: network.readaheadBytes,
  }
}

function rbd(
  { network, encryption }: Storage & { readonly type: 'network' },
  secrets: SecretNames,
  invalid: (text: string) => DomainXmlError,
): Properties {
  const { name = '', hosts, auth, snapshot, config } = network
  const parts = name.split('/')
  const [pool, image] = [parts[0], parts.at(-1)]
  if (parts.length < 2 || parts.length > 3) throw invalid(`"${name}" is not POOL/IMAGE`)
  const librbd = encryption?.engine === 'librbd'
  return {
    driver: 'rbd',
    pool,
    namespace: parts.length === 3 ? parts[1] : undefined,
    image,
    snapshot,
    conf: config,
    server:
      hosts.length === 0
        ? undefined
        : hosts.map((server) => {
            if ('socket' in server) throw invalid('rbd has no sockets')
            return { host: server.host, port: String(server.port ?? 6789) }
          }),
    user: auth?.user,
    'auth-client-required': auth && ['cephx', 'none'],
    'key-secret': auth && secrets.auth,
    encrypt: librbd ? layers(encryption, secrets.encryption) : undefined,
  }
}

/** Each layer of an image names the one that it was cloned from. */
function layers(encryption: DiskEncryption, name: string, at = 0): JsonValue | undefined {
  const { format, secrets } = encryption
  if (at >= secrets.length) return undefined
  return { format, 'key-secret': `${name}${at}`, parent: layers(encryption, name, at + 1) }
}

function address(server: DiskServer, protocol: NetworkSource['protocol']): JsonValue & object {
  if ('socket' in server) return { type: 'unix', path: server.socket }
  return {
    type: 'inet',
    host: server.host,
    port: String(server.port ?? usualPort(protocol) ?? 0),
  }
}

function inet(
  [server, second]: readonly DiskServer[],
  invalid: (text: string) => DomainXmlError,
): Exclude<DiskServer, { socket: string }> {
  if (server === undefined || second !== undefined) throw invalid('it needs exactly one <host>')
  if ('socket' in server) throw invalid('this protocol has no sockets')
  return server
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** libvirt writes numbers of users with a plus sign, and looks names up on this host. */
function number(
  text: string | undefined,
  invalid: (text: string) => DomainXmlError,
): number | undefined {
  if (text === undefined) return undefined
  if (!/^\+?\d{1,9}$/.test(text)) throw invalid(`the user or group "${text}" must be a number`)
  return Number(text)
}
