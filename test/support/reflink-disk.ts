import { execFile } from 'node:child_process'
import { mkdir, open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { tempDir } from './temp-dir.ts'

const run = promisify(execFile)

/** A mounted file system, unmounted and removed with its scope. */
export interface MountedDisk extends AsyncDisposable {
  readonly path: string
}

/** An XFS with reflinks in a file. This needs root and `mkfs.xfs`; returns the reason in words if it is impossible here. */
export async function mountReflinkDisk(sizeBytes: number): Promise<MountedDisk | string> {
  if (process.getuid?.() !== 0) return 'only root can mount a file system'
  const dir = await tempDir()
  const [file, path] = [dir.join('xfs'), dir.join('m')]
  try {
    await using handle = await open(file, 'w')
    await handle.truncate(sizeBytes)
    await mkdir(path)
    await run('mkfs.xfs', ['-q', '-m', 'reflink=1', file])
    await run('mount', ['-o', 'loop', file, path])
  } catch (error) {
    await dir[Symbol.asyncDispose]()
    return `there is no XFS with reflinks here: ${(error as Error).message.split('\n')[0]}`
  }
  return {
    path,
    async [Symbol.asyncDispose](): Promise<void> {
      await run('umount', ['--lazy', path])
      await dir[Symbol.asyncDispose]()
    },
  }
}
