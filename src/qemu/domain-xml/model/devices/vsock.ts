import type { Element } from '@xmldom/xmldom'
import { attribute, attributeNode, child, whole } from '../../access.ts'
import { invalid } from '../../location.ts'
import { type Device, readDevice, readVirtioOptions, type VirtioOptions } from '../buses/device.ts'

/** Sockets between guest and host: `<vsock>`. */
export interface Vsock extends Device {
  /** The guest's address; `undefined` in an XML that was not normalised. */
  readonly cid: number | undefined
  readonly virtio: VirtioOptions
}

/** The lower numbers have a meaning, and the highest stands for every address (linux/vm_sockets.h). */
const FIRST_CID = 3
const LAST_CID = 0xff_ff_ff_fe

/** Reads a `<vsock>`. @throws DomainXmlError `XML_INVALID` */
export function readVsock(element: Element): Vsock {
  const place = child(element, 'cid')
  const cid = whole(place, 'address')
  if (place !== undefined && cid !== undefined && (cid < FIRST_CID || cid > LAST_CID))
    throw invalid(attributeNode(place, 'address'), `it must be from ${FIRST_CID} to ${LAST_CID}`)
  return {
    ...readDevice(element),
    cid,
    virtio: readVirtioOptions(element, attribute(element, 'model')),
  }
}

/** An address that no other domain of the host is likely to have, from the domain's UUID. */
export function cidOfUuid(uuid: string): number {
  const number = Number.parseInt(uuid.replaceAll('-', '').slice(0, 8), 16)
  return FIRST_CID + (number % (LAST_CID - FIRST_CID))
}
