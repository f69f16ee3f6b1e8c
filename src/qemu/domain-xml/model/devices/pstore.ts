import type { Element } from '@xmldom/xmldom'
import { child, requiredChild, sizeInBytes, text } from '../../access.ts'
import { invalid } from '../../location.ts'
import { type Device, readDevice } from '../buses/device.ts'

/** A place where a guest's kernel leaves its last messages when it crashes: `<pstore>`. */
export interface Pstore extends Device {
  readonly path: string
  readonly sizeBytes: number
}

/** Reads a `<pstore>`. @throws DomainXmlError `XML_INVALID` */
export function readPstore(element: Element): Pstore {
  const path = text(requiredChild(element, 'path')).trim()
  if (path === '') throw invalid(child(element, 'path') ?? element, 'the path is missing')
  const size = sizeInBytes(requiredChild(element, 'size'))
  return { ...readDevice(element), path, sizeBytes: size }
}
