import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { storageError } from '../../io/storage-error.ts'
import { makeScratchDirectory } from '../../qemu/probe/scratch-directory.ts'
import { writeText } from '../../io/records/text-file.ts'
import { editFile } from '../../qemu/programs/edit-text.ts'
import { type DefineImageOptions, defineImage } from './define-image.ts'

/** How to edit. */
export interface EditImageOptions extends DefineImageOptions {
  /** A command to which a path can be appended, as in `$VISUAL` and `$EDITOR`. */
  readonly editor: string
  /** Called if the new text is refused. `true` opens the editor again with that text. */
  readonly onFault: (error: unknown) => Promise<boolean>
}

/** Opens the domain XML in an image in an editor and writes it back if it is accepted. Returns whether it changed. @throws as `defineImage` */
export async function editImage(path: string, options: EditImageOptions): Promise<boolean> {
  await using directory = await makeScratchDirectory('stasis-edit-')
  const file = join(directory.path, 'domain.xml')
  let draft: string | undefined
  for (;;) {
    try {
      return await defineImage(
        path,
        async (xml) => {
          await writeText(file, draft ?? xml, { durable: false })
          await editFile(options.editor, file)
          draft = await readFile(file, 'utf8').catch((error: unknown) => {
            throw storageError('read the edited file', file, error)
          })
          return draft === xml ? undefined : { text: draft, path: file }
        },
        options,
      )
    } catch (error) {
      if (draft === undefined || !(await options.onFault(error))) throw error
    }
  }
}
