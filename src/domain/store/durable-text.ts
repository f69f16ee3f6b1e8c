import { PartialFile } from '../../io/partial-file.ts'

/**
 * Writes a small file so that after a crash either the old or the new content is there, whole.
 * @throws StorageError
 */
export async function writeDurably(path: string, text: string): Promise<void> {
  await using partial = await PartialFile.create(path, { direct: false })
  await partial.file.write(Buffer.from(text), 0)
  await partial.publish()
}
