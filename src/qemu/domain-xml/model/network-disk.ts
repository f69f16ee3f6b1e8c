import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, flag, requiredAttribute, text, whole } from '../access.ts'
import { invalid } from '../location.ts'
import { readSecret, type Secret } from './secret.ts'

/** The protocols of QEMU's block drivers. */
export type DiskProtocol =
  | 'rbd'
  | 'nbd'
  | 'iscsi'
  | 'http'
  | 'https'
  | 'ftp'
  | 'ftps'
  | 'nfs'
  | 'gluster'
  | 'ssh'

/** Where the content of a disk is on another machine. */
export interface NetworkSource {
  readonly protocol: DiskProtocol
  /** An export, a path, `POOL/IMAGE`, `TARGET/LUN`. */
  readonly name: string | undefined
  readonly query: string | undefined
  readonly hosts: readonly DiskServer[]
  readonly auth: { readonly user: string; readonly secret: Secret } | undefined
  readonly snapshot: string | undefined
  /** A configuration file of Ceph. */
  readonly config: string | undefined
  readonly initiator: string | undefined
  readonly user: string | undefined
  readonly group: string | undefined
  /** Whether the connection is encrypted, as NBD may be; the name that the certificate of the server must have, if not its own. */
  readonly tls: boolean
  readonly tlsHostName: string | undefined
  readonly sslVerify: boolean | undefined
  readonly cookies: string | undefined
  readonly timeoutSeconds: number | undefined
  readonly readaheadBytes: number | undefined
  readonly reconnectSeconds: number | undefined
}

export type DiskServer =
  | { readonly host: string; readonly port: number | undefined }
  | { readonly socket: string }

/** Reads the `<source>` of a disk of type `network`; `auth` is its `<auth>`. */
export function readNetworkSource(source: Element, auth: Element | undefined): NetworkSource {
  const identity = child(source, 'identity')
  return {
    protocol: requiredAttribute(source, 'protocol') as DiskProtocol,
    name: attribute(source, 'name'),
    query: attribute(source, 'query'),
    hosts: children(source, 'host').map(readServer),
    auth: readAuth(auth, requiredAttribute(source, 'protocol')),
    snapshot: attribute(child(source, 'snapshot'), 'name'),
    config: attribute(child(source, 'config'), 'file'),
    initiator: attribute(child(child(source, 'initiator'), 'iqn'), 'name'),
    user: attribute(identity, 'user') ?? attribute(identity, 'username'),
    group: attribute(identity, 'group'),
    tls: flag(source, 'tls') === true,
    tlsHostName: attribute(source, 'tlsHostname'),
    sslVerify: flag(child(source, 'ssl'), 'verify'),
    cookies: readCookies(child(source, 'cookies')),
    timeoutSeconds: whole(child(source, 'timeout'), 'seconds'),
    readaheadBytes: whole(child(source, 'readahead'), 'size'),
    reconnectSeconds: whole(child(source, 'reconnect'), 'delay'),
  }
}

function readServer(element: Element): DiskServer {
  const socket = attribute(element, 'socket')
  if (attribute(element, 'transport') === 'unix') {
    if (socket === undefined) throw invalid(element, 'the attribute "socket" is missing')
    return { socket }
  }
  return { host: requiredAttribute(element, 'name'), port: whole(element, 'port') }
}

const SECRET_TYPES: Readonly<Record<string, string>> = { iscsi: 'iscsi', rbd: 'ceph' }

function readAuth(element: Element | undefined, protocol: string): NetworkSource['auth'] {
  if (element === undefined) return undefined
  const type = attribute(child(element, 'secret'), 'type')
  const wanted = SECRET_TYPES[protocol] ?? type
  if (type !== wanted) throw invalid(element, `the secret must be of type "${wanted}"`)
  return {
    user: requiredAttribute(element, 'username'),
    secret: readSecret(child(element, 'secret'), element),
  }
}

function readCookies(element: Element | undefined): string | undefined {
  if (element === undefined) return undefined
  return children(element, 'cookie')
    .map((cookie) => `${requiredAttribute(cookie, 'name')}=${text(cookie)}`)
    .join('; ')
}
