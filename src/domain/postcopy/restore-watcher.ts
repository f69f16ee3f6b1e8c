import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { programUrl } from '../../io/program-url.ts'
import { ProcessWatcher } from '../../qemu/process/spawn-watcher.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import type { KilledRestore } from './settle-killed-restore.ts'
import { placeOfHost } from '../store/host-directory.ts'

/** The program of the watcher. */
const PROGRAM: string = fileURLToPath(
  programUrl(new URL('./killed-restore-main.ts', import.meta.url)),
)

/**
 * Makes sure that the memory of a guest arrives if this process is killed before a page server has taken over, which dismisses it then. `connection` is that
 * of the watcher.
 */
export function watchRestore(
  paths: RuntimePaths,
  {
    id,
    stateDir,
    connection,
  }: {
    readonly id: string
    readonly stateDir: string
    readonly connection: readonly [number, number]
  },
): ProcessWatcher {
  const directories = { stateDir, runtimeDir: dirname(paths.directory) }
  const killed: KilledRestore = { name: paths.name, directories, id, pid: process.pid }
  const compileCache = join(placeOfHost(stateDir, 'cache'), 'node')
  return new ProcessWatcher(PROGRAM, [JSON.stringify(killed)], { compileCache, connection })
}
