import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeTemporaryDirectory } from '../../io/files/temporary-directory.ts'
import { writeText } from '../../io/records/text-file.ts'
import { editFile } from '../../qemu/programs/edit-text.ts'
import { chosenEditor } from './chosen-editor.ts'

/**
 * Opens a text in `$VISUAL`, `$EDITOR` or vi. Returns the new text, or `undefined` if the text was not changed.
 * @throws UsageError BAD_ARGUMENT if the editor cannot be run or fails
 */
export async function editText(text: string, name: string): Promise<string | undefined> {
  await using directory = await makeTemporaryDirectory('stasis-edit-')
  const path = join(directory.path, name)
  await writeText(path, text, { durable: false })
  await editFile(chosenEditor(), path)
  const edited = await readFile(path, 'utf8')
  return edited === text ? undefined : edited
}
