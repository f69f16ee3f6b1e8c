import { fileURLToPath } from 'node:url'
import { programUrl } from '../../io/program-url.ts'
import { ProcessWatcher } from '../../qemu/process/spawn-watcher.ts'

const PROGRAM: string = fileURLToPath(
  programUrl(new URL('./killed-conversion-main.ts', import.meta.url)),
)

/** Makes sure that no part of a new image is left if this process is killed. */
export function watchConversion(output: string): ProcessWatcher {
  return new ProcessWatcher(PROGRAM, [output])
}
