import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DomainError } from '../../errors.ts'
import { storageError } from '../../io/storage-error.ts'
import { writeText } from '../../io/records/text-file.ts'
import { editFile } from '../../qemu/programs/edit-text.ts'
import { makeScratchDirectory } from '../../qemu/probe/scratch-directory.ts'
import { findEntry } from '../catalogue/catalogue.ts'
import { readDefinition } from '../store/definitions.ts'
import { openDirectories } from '../store/directories.ts'
import { type DefineOptions, defineDomain } from './define.ts'

/** How to edit a definition. */
export interface EditOptions extends DefineOptions {
  /** A command to which a path can be appended, as in `$VISUAL` and `$EDITOR`. */
  readonly editor: string
  /** Called if the new text is refused. `true` opens the editor again with that text. */
  readonly onFault: (error: unknown) => Promise<boolean>
}

/**
 * Opens the definition of a domain, given by name, UUID or id, in an editor, and defines the domain anew if the text is accepted. A running domain does not change until its next start.
 * Returns whether it changed.
 * @throws as `defineDomain`; DomainError DOMAIN_NOT_FOUND, or DOMAIN_WRONG_STATE if the definition changed meanwhile; UsageError BAD_ARGUMENT if the editor fails
 * @example
 * await editDomain('web', { editor: 'nano', onFault: async () => false })
 */
export async function editDomain(
  reference: string,
  options: EditOptions,
): Promise<{ readonly name: string; readonly changed: boolean }> {
  const { editor, onFault, ...define } = options
  const directories = await openDirectories(options)
  const { name } = await findEntry(directories, reference)
  const old = await readDefinition(directories, name)
  if (old === undefined)
    throw new DomainError('DOMAIN_NOT_FOUND', `Domain '${name}' is not defined: it only runs`)
  await using scratch = await makeScratchDirectory('stasis-edit-')
  const file = join(scratch.path, `${name}.xml`)
  for (let draft = old; ;) {
    await writeText(file, draft, { durable: false })
    await editFile(editor, file)
    draft = await readFile(file, 'utf8').catch((error: unknown) => {
      throw storageError('read the edited file', file, error)
    })
    if (draft === old) return { name, changed: false }
    try {
      if ((await readDefinition(directories, name)) !== old) throw changedMeanwhile(name)
      const defined = await defineDomain({ text: draft, path: file }, define)
      return { name: defined.name, changed: true }
    } catch (error) {
      if (!(await onFault(error))) throw error
    }
  }
}

function changedMeanwhile(name: string): DomainError {
  return new DomainError(
    'DOMAIN_WRONG_STATE',
    `The definition of domain '${name}' was changed by somebody else meanwhile`,
    { hint: `\`stasis edit ${name}\` starts from the new one` },
  )
}
