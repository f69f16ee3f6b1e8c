import { dirname } from 'node:path'
import { makeDirectory } from '../../io/files/directory.ts'
import { readText, writeText } from '../../io/records/text-file.ts'
import { placeOfHost } from '../store/host-directory.ts'
import type { Directories } from '../store/directories.ts'

/** When a domain starts with the host: every time, or only the next. */
export type Autostart = 'always' | 'once'

/** Records durably that a domain starts with the host. @throws StorageError */
export async function markAutostart(
  directories: Directories,
  name: string,
  when: Autostart = 'always',
): Promise<void> {
  const path = autostartPath(directories, name)
  await makeDirectory(dirname(path))
  await writeText(path, when === 'once' ? ONCE : '', { durable: true })
}

/** When a domain starts with the host; `undefined`: never. @throws StorageError */
export async function autostartOf(
  directories: Directories,
  name: string,
): Promise<Autostart | undefined> {
  const text = await readText(autostartPath(directories, name))
  if (text === undefined) return undefined
  return text === ONCE ? 'once' : 'always'
}

/** Whether a domain starts with the host every time. */
export async function isAutostarted(directories: Directories, name: string): Promise<boolean> {
  return (await autostartOf(directories, name)) === 'always'
}

const ONCE = 'once'

/** The file that marks such a domain: empty, or with the word `once`. */
export function autostartPath(directories: Directories, name: string): string {
  return `${placeOfHost(directories.stateDir, 'autostart')}/${name}`
}
