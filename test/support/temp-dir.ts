import './allow.ts'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A directory that is removed with its content at the end of its scope. */
export interface TempDir extends AsyncDisposable {
  readonly path: string
  /** A path inside it. */
  join(...parts: string[]): string
}

/**
 * Makes a directory: `await using dir = await tempDir()`. Its path is short enough for unix sockets.
 * `STASIS_TEST_DIR` moves it to another file system.
 */
export async function tempDir(): Promise<TempDir> {
  const path = await mkdtemp(join(process.env['STASIS_TEST_DIR'] ?? tmpdir(), 'stasis-'))
  return {
    path,
    join: (...parts) => join(path, ...parts),
    // A process that has just ended may have written its compile cache during the removal.
    [Symbol.asyncDispose]: () =>
      rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }),
  }
}
