import { dirname } from 'node:path'
import { StasisError } from '../../../errors.ts'
import { makeDirectory } from '../../../io/files/directory.ts'
import { readText, writeText } from '../../../io/records/text-file.ts'
import { type DirectoryOptions, openDirectories } from '../directories.ts'
import { placeOfHost } from '../host-directory.ts'

/** The lines that were typed at the prompt, newest first. They are in `prompt-history` in the state directory, the newest last. */
export class PromptHistory {
  /** The most lines that are kept. */
  static readonly LIMIT = 500

  readonly #path: string
  #lines: readonly string[]
  #changed = false

  private constructor(path: string, lines: readonly string[]) {
    this.#path = path
    this.#lines = lines
  }

  /** A history that cannot be read is empty. @throws StorageError UNSAFE_DIRECTORY; UsageError */
  static async open(options: DirectoryOptions): Promise<PromptHistory> {
    const { stateDir } = await openDirectories(options)
    const path = placeOfHost(stateDir, 'prompt-history')
    const text = await readText(path).catch(() => undefined)
    const lines = (text ?? '').split('\n').filter((line) => line !== '')
    return new PromptHistory(path, lines.slice(-PromptHistory.LIMIT).toReversed())
  }

  get lines(): readonly string[] {
    return this.#lines
  }

  /** Replaces the lines. */
  set(lines: readonly string[]): void {
    this.#lines = [...lines]
    this.#changed = true
  }

  /** Writes the lines if they were replaced. A disk that does not take them is not a failure. */
  async keep(): Promise<void> {
    if (!this.#changed) return
    this.#changed = false
    try {
      await makeDirectory(dirname(this.#path))
      const text = this.#lines.toReversed().join('\n')
      await writeText(this.#path, `${text}\n`, { durable: false })
    } catch (error) {
      if (!StasisError.is(error)) throw error
    }
  }
}
