import { execFile } from 'node:child_process'
import { open, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The files of an image: its path, and those whose names begin with it. */
export async function filesOf(path: string): Promise<readonly string[]> {
  const names = await readdir(dirname(path))
  return names
    .filter((name) => name.startsWith(basename(path)) && !/\.(serial|socket)$/.test(name))
    .map((name) => join(dirname(path), name))
}

/** Makes an image durable; returns the space that it takes on the disk, and how long that took. */
export async function flushImage(
  path: string,
): Promise<{ readonly fileBytes: number; readonly seconds: number }> {
  const started = performance.now()
  let fileBytes = 0
  for (const name of await filesOf(path)) {
    await using file = await open(name, 'r+')
    await file.sync()
    fileBytes += (await stat(name)).blocks * 512
  }
  return { fileBytes, seconds: (performance.now() - started) / 1000 }
}

/** The most of a file that may stay. */
const MOST_CACHED = 0.01

/** Drops an image from the page cache; throws if much of it stays. The programs stay there, as on a host that restores guests. */
export async function evictImage(path: string): Promise<void> {
  for (const name of await filesOf(path)) {
    // What it advises the kernel to drop is the whole file (GNU dd, flag nocache with count=0).
    await run('dd', [`if=${name}`, 'iflag=nocache', 'count=0'])
    const { stdout } = await run('fincore', ['--bytes', '--noheadings', '--output', 'RES', name])
    if (Number(stdout) > MOST_CACHED * (await stat(name)).size)
      throw new Error(`${stdout.trim()} bytes of ${name} stay in the page cache`)
  }
}
