import type { Element } from '@xmldom/xmldom'
import { childText, children, requiredAttribute, text } from '../../access.ts'
import { invalid } from '../../location.ts'
import { type CharacterBackend, readBackend } from './character.ts'
import { type Device, readDevice } from '../buses/device.ts'

/** A smart card: one of the host, made of certificates, or in another program. */
export type SmartCard = Device &
  (
    | { readonly mode: 'host' }
    | {
        readonly mode: 'host-certificates'
        readonly certificates: readonly string[]
        readonly database: string
      }
    | { readonly mode: 'passthrough'; readonly backend: CharacterBackend }
  )

/** libvirt's VIR_DOMAIN_SMARTCARD_DEFAULT_DATABASE. */
const DATABASE = '/etc/pki/nssdb'

/** QEMU's emulated card has exactly three (hw/usb/ccid-card-emulated.c). */
const CERTIFICATES = 3

/** Reads a `<smartcard>`. @throws DomainXmlError `XML_INVALID` */
export function readSmartCard(element: Element): SmartCard {
  const device = readDevice(element)
  const mode = requiredAttribute(element, 'mode') as SmartCard['mode']
  switch (mode) {
    case 'host':
      return { ...device, mode }
    case 'host-certificates': {
      const certificates = children(element, 'certificate').map((one) => text(one).trim())
      if (certificates.length !== CERTIFICATES)
        throw invalid(element, `a card needs exactly ${CERTIFICATES} certificates`)
      const database = childText(element, 'database')?.trim() ?? DATABASE
      return { ...device, mode, certificates, database }
    }
    case 'passthrough':
      return { ...device, mode, backend: readBackend(element) }
  }
}
