import { dirname, join } from 'node:path'
import { makeDirectory } from '../../io/directory.ts'
import { isThere } from '../../io/file-names.ts'
import { writeText } from '../../io/text-file.ts'
import type { Directories } from '../store/directories.ts'

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
