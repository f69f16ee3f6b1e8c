import { readFile, stat } from 'node:fs/promises'
import { crc32c } from '../../io/crc32c.ts'
import { writeBytes } from '../../io/records/write-bytes.ts'
import type { AnnouncedBlock } from '../../wire/main-stream.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { imageIdBytes } from '../image-id.ts'
import { readLong, writeLong } from '../long.ts'
import { PAGE_DIGEST_LENGTH, PageDigests } from './page-digests.ts'

// All numbers here are those of docs/format/stasis.md, "The digests of the pages".

const MAGIC = 'STASISPD'
const VERSION = 1
const HEAD_LENGTH = 32
const NAME_LENGTH = 256
const BLOCK_LENGTH = NAME_LENGTH + 8
const MAX_BLOCKS = 4096

/** The digests of a machine with more memory would take too much memory themselves: 256 MiB. */
export const MOST_DIGESTED_BYTES: number = 64 * 2 ** 30

/** The digests of the pages of an image. */
export interface ImagePageDigests {
  readonly imageId: string
  readonly digests: PageDigests
}

/** Where the digests of the pages of an image are. */
export function pageDigestPath(image: string): string {
  return `${image}.pages`
}

/** Serialises digests. */
export function serialisePageDigests({ imageId, digests }: ImagePageDigests): Uint8Array {
  const { blocks, tables } = digests
  const head = Buffer.alloc(HEAD_LENGTH + blocks.length * BLOCK_LENGTH)
  head.write(MAGIC, 'latin1')
  head.writeUInt32LE(VERSION, 8)
  head.writeUInt32LE(blocks.length, 12)
  head.set(imageIdBytes(imageId), 16)
  blocks.forEach(({ name, length }, position) => {
    const at = HEAD_LENGTH + position * BLOCK_LENGTH
    head.write(name, at, NAME_LENGTH, 'utf8')
    writeLong(head, length, at + NAME_LENGTH)
  })
  const bytes = Buffer.concat([head, ...tables, Buffer.alloc(4)])
  const end = bytes.length - 4
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, end)), end)
  return bytes
}

/** Parses digests; `undefined` if they are damaged, or of a version that this program does not know. */
export function parsePageDigests(file: Uint8Array): ImagePageDigests | undefined {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.length)
  const end = bytes.length - 4
  if (end < HEAD_LENGTH || bytes.toString('latin1', 0, 8) !== MAGIC) return undefined
  if (bytes.readUInt32LE(8) !== VERSION) return undefined
  if (bytes.readUInt32LE(end) !== crc32c(bytes.subarray(0, end))) return undefined
  const count = bytes.readUInt32LE(12)
  let at = HEAD_LENGTH + count * BLOCK_LENGTH
  if (count > MAX_BLOCKS || at > end) return undefined
  const blocks: AnnouncedBlock[] = []
  const tables: Buffer[] = []
  for (let position = 0; position < count; position += 1) {
    const record = bytes.subarray(HEAD_LENGTH + position * BLOCK_LENGTH).subarray(0, BLOCK_LENGTH)
    const nameEnd = record.indexOf(0)
    const length = readLong(record, NAME_LENGTH)
    if (nameEnd < 1 || nameEnd >= NAME_LENGTH || length % PAGE_SIZE !== 0) return undefined
    const next = at + (length / PAGE_SIZE) * PAGE_DIGEST_LENGTH
    if (next > end) return undefined
    blocks.push({ name: record.toString('utf8', 0, nameEnd), length })
    tables.push(bytes.subarray(at, next))
    at = next
  }
  if (at !== end) return undefined
  return {
    imageId: bytes.toString('hex', 16, HEAD_LENGTH),
    digests: new PageDigests(blocks, tables),
  }
}

/** Writes the digests of an image beside it, durably. @throws StorageError */
export async function writePageDigests(image: string, digests: ImagePageDigests): Promise<void> {
  await writeBytes(pageDigestPath(image), serialisePageDigests(digests), { durable: true })
}

/** The digests beside an image; `undefined` if there are none that can be used. Without them a checkpoint is written whole, and nothing else. */
export async function readPageDigests(image: string): Promise<ImagePageDigests | undefined> {
  const path = pageDigestPath(image)
  try {
    const { size } = await stat(path)
    if (size > (MOST_DIGESTED_BYTES / PAGE_SIZE) * PAGE_DIGEST_LENGTH + 2 ** 21) return undefined
    return parsePageDigests(await readFile(path))
  } catch {
    return undefined
  }
}
