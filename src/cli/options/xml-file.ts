import { readFile } from 'node:fs/promises'
import type { XmlText } from '../../domain/store/xml-text.ts'
import { storageError } from '../../errors.ts'
import { decodeXml } from '../../qemu/domain-xml/encoding.ts'

/** Reads a file with domain XML, in any encoding that XML may have. @throws StorageError, DomainXmlError */
export async function readXmlFile(path: string): Promise<XmlText> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw storageError('read the domain XML', path, error)
  })
  return { text: decodeXml(bytes, path), path }
}

/** Reads the file of an `--xml` option, if there is one. @throws StorageError, DomainXmlError */
export async function readXmlOption(path: string | undefined): Promise<XmlText | undefined> {
  return path === undefined ? undefined : readXmlFile(path)
}
