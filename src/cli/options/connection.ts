import { InvalidArgumentError } from 'commander'
import type { Connection } from '../../domain/store/directories.ts'

/** A parser for libvirt's URI of a connection. */
export function connectionOf(uri: string): Connection {
  const [, connection] = /^qemu:\/\/\/(system|session)$/.exec(uri) ?? []
  if (connection === undefined)
    throw new InvalidArgumentError(
      'Stasis knows only domains of this host: qemu:///system or qemu:///session.',
    )
  return connection as Connection
}
