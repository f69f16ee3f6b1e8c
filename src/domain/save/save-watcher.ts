import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { programUrl } from '../../io/program-url.ts'
import { ProcessWatcher } from '../../qemu/process/spawn-watcher.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import type { KilledSave } from './settle-killed-save.ts'
import { placeOfHost } from '../store/host-directory.ts'

/** The program of the watcher. */
const PROGRAM: string = fileURLToPath(programUrl(new URL('./killed-save-main.ts', import.meta.url)))

/** Makes sure that a guest continues if this process is killed while it saves it. Dispose it when the save has ended, well or badly. */
export function watchSave({ name, directories }: HeldDomain): ProcessWatcher {
  const killed: KilledSave = { name, directories, pid: process.pid }
  const compileCache = join(placeOfHost(directories.stateDir, 'cache'), 'node')
  return new ProcessWatcher(PROGRAM, [JSON.stringify(killed)], { compileCache })
}
