import { InvalidArgumentError } from 'commander'
import type { Connection } from '../../domain/store/directories.ts'

/** A parser for libvirt's URI of a connection. */
export function connectionOf(uri: string): Connection {
  return connectionIn(
    uri,
    'Stasis knows only domains of this host: qemu:///system or qemu:///session.',
  )
}

/** The connection that a URI of libvirt names; `complaint` is for any other text. */
export function connectionIn(uri: string, complaint: string): Connection {
  const [, connection] = /^qemu:\/\/\/(system|session)$/.exec(uri) ?? []
  if (connection === undefined) throw new InvalidArgumentError(complaint)
  return connection as Connection
}
