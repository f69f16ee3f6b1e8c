import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { programUrl } from '../../io/program-url.ts'
import { spawnWatcher } from '../../qemu/spawn-watcher.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import type { KilledSave } from './settle-killed-save.ts'

/** The program of the watcher. */
const PROGRAM: string = fileURLToPath(programUrl(new URL('./killed-save-main.ts', import.meta.url)))

/** Makes sure that a guest continues if this process is killed while it saves it. Disposed when the save has ended, well or badly. */
export class SaveWatcher implements AsyncDisposable {
  readonly #started: Promise<() => void>

  /** Starts to wait for the death of this process. Nothing waits for that start: if it fails, a killed save waits for the next command. */
  constructor({ name, directories }: HeldDomain) {
    const killed: KilledSave = { name, directories, pid: process.pid }
    const compileCache = join(directories.stateDir, 'cache', 'node')
    this.#started = spawnWatcher(PROGRAM, [JSON.stringify(killed)], { compileCache }).then(
      ({ dismiss }) => dismiss,
      () => () => undefined,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const dismiss = await this.#started
    dismiss()
  }
}
