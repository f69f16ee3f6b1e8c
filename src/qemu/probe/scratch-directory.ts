import { fileURLToPath } from 'node:url'
import { programUrl } from '../../io/program-url.ts'
import { makeTemporaryDirectory } from '../../io/files/temporary-directory.ts'
import type { MonitorPaths } from '../process/monitors.ts'
import { scratchMonitors } from './remove-scratch.ts'
import { ProcessWatcher } from '../process/spawn-watcher.ts'

const PROGRAM: string = fileURLToPath(
  programUrl(new URL('./killed-scratch-main.ts', import.meta.url)),
)

/** A directory for a QEMU that is only asked or compared. */
export interface ScratchDirectory extends AsyncDisposable {
  readonly path: string
  /** The monitors of its QEMU. */
  readonly monitors: MonitorPaths
}

/**
 * Makes a temporary directory. Disposing it removes it. If this process is killed, its QEMU, which it knows by the monitors, is ended, and the directory is removed.
 * @throws StorageError
 */
export async function makeScratchDirectory(prefix: string): Promise<ScratchDirectory> {
  const directory = await makeTemporaryDirectory(prefix)
  const watcher = new ProcessWatcher(PROGRAM, [directory.path])
  return {
    path: directory.path,
    monitors: scratchMonitors(directory.path),
    async [Symbol.asyncDispose](): Promise<void> {
      await directory[Symbol.asyncDispose]()
      await watcher[Symbol.asyncDispose]()
    },
  }
}
