import type { Element } from '@xmldom/xmldom'
import { attribute, child, flag, requiredAttribute, sizeInBytes, whole } from '../../access.ts'
import { invalid } from '../../location.ts'
import { type Device, readDevice } from '../buses/device.ts'

/** Memory that the guest shares with programs of the host: `<shmem>`. */
export interface SharedMemory extends Device {
  /** The file with the memory, in `/dev/shm`. */
  readonly path: string
  /** `master`: the memory moves with the guest; `peer`: it stays, and QEMU refuses to save. */
  readonly role: 'master' | 'peer' | undefined
  readonly sizeBytes: number
  /** The server that gives the memory and interrupts; `undefined`: the memory alone. */
  readonly server: { readonly path: string } | undefined
  readonly vectors: number | undefined
  readonly ioeventfd: boolean | undefined
}

const MIB = 1024 * 1024

/** libvirt's size where the XML has none (qemuDomainShmemDefPostParse, 11.3). */
const USUAL_BYTES = 4 * MIB

/** Reads a `<shmem>`. @throws DomainXmlError `XML_INVALID` */
export function readSharedMemory(element: Element): SharedMemory {
  const name = requiredAttribute(element, 'name')
  if (name.includes('/') || name === '.' || name === '..')
    throw invalid(element, `"${name}" is not a valid name: it names a file in /dev/shm`)
  const size = child(element, 'size')
  const sizeBytes = size === undefined ? USUAL_BYTES : sizeInBytes(size, undefined, 'MiB')
  if (sizeBytes < MIB || !Number.isInteger(Math.log2(sizeBytes)))
    throw invalid(size ?? element, 'the size must be a power of two, and at least 1 MiB')
  const model = attribute(child(element, 'model'), 'type') ?? 'ivshmem-plain'
  const server = child(element, 'server')
  const msi = child(element, 'msi')
  if (model === 'ivshmem-plain' && (server !== undefined || msi !== undefined))
    throw invalid(
      element,
      '"ivshmem-plain" has neither a server nor interrupts; use "ivshmem-doorbell"',
    )
  if (model === 'ivshmem-doorbell' && server === undefined)
    throw invalid(element, '"ivshmem-doorbell" needs a <server>')
  if (model === 'ivshmem-doorbell' && size !== undefined)
    throw invalid(size, 'the server gives the size')
  return {
    ...readDevice(element),
    path: `/dev/shm/${name}`,
    role: attribute(element, 'role') as SharedMemory['role'],
    sizeBytes,
    server:
      server === undefined
        ? undefined
        : { path: attribute(server, 'path') ?? `/var/lib/libvirt/shmem-${name}-sock` },
    vectors: whole(msi, 'vectors'),
    ioeventfd: flag(msi, 'ioeventfd') ?? (server === undefined ? undefined : true),
  }
}
