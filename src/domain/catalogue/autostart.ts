import { dirname, join } from 'node:path'
import { DomainError } from '../../errors.ts'
import { makeDirectory } from '../../io/directory.ts'
import { isThere, removeFile } from '../../io/file-names.ts'
import { writeText } from '../../io/text-file.ts'
import { readDefinition } from '../store/definitions.ts'
import type { Directories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { HeldDomain } from './held-domain.ts'

/** Options for setting autostart. */
export interface AutostartOptions extends DomainOptions {
  /** Switch it off. */
  readonly disable?: boolean | undefined
}

/**
 * Makes a defined domain, given by name, UUID or id, start with the host (`stasis host-resume --autostart`), or switches that off.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_BUSY; StorageError
 * @example
 * await setAutostart('web', { disable: true })
 */
export async function setAutostart(
  reference: string,
  options: AutostartOptions = {},
): Promise<{ readonly name: string }> {
  await using held = await HeldDomain.find(reference, 'autostart', options)
  const { name, directories } = held
  if ((await readDefinition(directories, name)) === undefined) {
    throw new DomainError('DOMAIN_NOT_FOUND', `Domain '${name}' is not defined: it only runs`, {
      hint: 'Only a defined domain can start with the host',
    })
  }
  if (options.disable === true) await removeFile(autostartPath(directories, name))
  else await markAutostart(directories, name)
  return { name }
}

/** Records durably that a domain starts with the host. @throws StorageError */
export async function markAutostart(directories: Directories, name: string): Promise<void> {
  const path = autostartPath(directories, name)
  await makeDirectory(dirname(path))
  await writeText(path, '', { durable: true })
}

/** Whether a domain starts with the host. */
export function isAutostarted(directories: Directories, name: string): Promise<boolean> {
  return isThere(autostartPath(directories, name))
}

/** The empty file that marks such a domain. */
export function autostartPath(directories: Directories, name: string): string {
  return join(directories.stateDir, 'autostart', name)
}
