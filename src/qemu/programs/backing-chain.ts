import { execFile } from 'node:child_process'
import { dirname, isAbsolute, join } from 'node:path'
import { promisify } from 'node:util'
import { cleanEnvironment } from '../../io/processes/clean-environment.ts'
import { findQemuImg } from './find-qemu-img.ts'

const run = promisify(execFile)

/** The time limit of `qemu-img`: a disk on hanging storage must not make a save hang. */
const TIMEOUT_MS = 10_000

/**
 * A disk image and its backing files, as `qemu-img info --backing-chain` reports them, even while a QEMU has the image open (`-U`). Only the image
 * itself when `qemu-img` is missing or cannot read it.
 */
export async function backingChain(path: string, format: string): Promise<readonly string[]> {
  if (format === 'raw') return [path]
  const argv = ['info', '-U', '--backing-chain', '--output=json', '-f', format, '--', path]
  try {
    const { stdout } = await run(await findQemuImg(), argv, {
      env: cleanEnvironment(),
      timeout: TIMEOUT_MS,
    })
    const layers = JSON.parse(stdout) as readonly { readonly filename?: string }[]
    const files = layers.flatMap(({ filename }) => (filename === undefined ? [] : [filename]))
    return [path, ...files.map((file) => (isAbsolute(file) ? file : join(dirname(path), file)))]
  } catch {
    return [path]
  }
}
