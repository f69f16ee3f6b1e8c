import { execFile, execFileSync } from 'node:child_process'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * The limit of the root group counts for all processes and for what the kernel writes back (Linux, blkio-controller). Version 2 of control groups has
 * no limit there.
 */
const LIMIT = '/sys/fs/cgroup/blkio/blkio.throttle.write_bps_device'

/** A file system in a file, on a loop device whose writes are limited. It ends with its scope. */
export class ThrottledDisk implements AsyncDisposable {
  /** An empty directory on it. */
  readonly directory: string
  readonly #device: string
  readonly #file: string

  private constructor(directory: string, device: string, file: string) {
    this.directory = directory
    this.#device = device
    this.#file = file
  }

  /** Needs root, and control groups of version 1. */
  static async make(parent: string, bytes: number): Promise<ThrottledDisk> {
    if (!existsSync(LIMIT)) throw new Error(`the disk cannot be throttled: there is no ${LIMIT}`)
    const file = join(parent, 'throttled.disk')
    const directory = join(parent, 'throttled')
    await writeFile(file, '')
    await truncate(file, bytes)
    const options = ['--find', '--show', '--direct-io=on', file]
    const device = (await run('losetup', options)).stdout.trim()
    await run('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', device])
    await mkdir(directory)
    await run('mount', [device, directory])
    // The device goes with the mount, and the mount with this process.
    await run('losetup', ['--detach', device])
    const disk = new ThrottledDisk(directory, device, file)
    process.prependOnceListener('exit', disk.#unmountNow)
    return disk
  }

  /** Limits writes from now on; 0 takes the limit away. */
  limit(bytesPerSecond: number): void {
    const { rdev } = statSync(this.#device)
    // The numbers of a loop device fit in this old layout of `dev_t`.
    writeFileSync(LIMIT, `${rdev >> 8}:${rdev & 0xff} ${bytesPerSecond}`)
  }

  readonly #unmountNow = (): void => {
    this.limit(0)
    execFileSync('umount', ['--lazy', this.directory])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.removeListener('exit', this.#unmountNow)
    this.#unmountNow()
    await rm(this.#file)
  }
}
