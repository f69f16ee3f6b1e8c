import { readFile } from 'node:fs/promises'
import type { XmlText } from '../../domain/store/xml-text.ts'
import { storageError } from '../../errors.ts'

/** Reads the file of an `--xml` option, if there is one. @throws StorageError */
export async function readXmlFile(path: string | undefined): Promise<XmlText | undefined> {
  if (path === undefined) return undefined
  try {
    return { text: await readFile(path, 'utf8'), path }
  } catch (error) {
    throw storageError('read the domain XML', path, error)
  }
}
