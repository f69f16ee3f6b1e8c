/** Length of the record of a base in the index (docs/format/stasis.md, "Base"). */
export const BASE_RECORD_LENGTH = 272

const ID_LENGTH = 16

/** The image that has the pages which another image does not store: a sibling of it, in a directory of its own. */
export interface BaseReference {
  /** The name of its directory, which is beside the directory of the image that needs it. */
  readonly name: string
  /** Its id, 32 hexadecimal digits. */
  readonly imageId: string
}

/** Whether a name can be that of a directory beside another: never a path, and nothing hidden. */
function isBaseName(name: string): boolean {
  const length = Buffer.byteLength(name)
  if (length < 1 || length >= BASE_RECORD_LENGTH - ID_LENGTH) return false
  return !name.startsWith('.') && !name.includes('/') && !name.includes('\0')
}

/** Serialises the record of a base. */
export function serialiseBase({ name, imageId }: BaseReference): Uint8Array {
  const bytes = Buffer.alloc(BASE_RECORD_LENGTH)
  bytes.write(imageId, 0, ID_LENGTH, 'hex')
  bytes.write(name, ID_LENGTH, 'utf8')
  return bytes
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Parses the record of a base; `undefined` if its name cannot be that of a directory beside another. */
export function parseBase(record: Buffer): BaseReference | undefined {
  const field = record.subarray(ID_LENGTH, BASE_RECORD_LENGTH)
  const end = field.indexOf(0)
  if (end < 1 || field.subarray(end).some((byte) => byte !== 0)) return undefined
  try {
    const name = utf8.decode(field.subarray(0, end))
    const imageId = record.toString('hex', 0, ID_LENGTH)
    return isBaseName(name) ? { name, imageId } : undefined
  } catch {
    return undefined
  }
}
