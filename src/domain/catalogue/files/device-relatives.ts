import { readFile, readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileKey } from '../../../qemu/process/open-files.ts'

/**
 * The keys (see `fileKey`) of the files and devices that share blocks with a block device: the disk of a partition, the partitions of a disk, and the
 * file behind a loop device (Linux Documentation/ABI/stable/sysfs-block). The kernel itself knows about volume groups and arrays.
 */
export async function deviceRelatives(path: string): Promise<readonly string[]> {
  const { rdev } = await stat(path)
  const directory = await realpath(`/sys/dev/block/${deviceNumber(rdev)}`).catch(() => undefined)
  if (directory === undefined) return []
  const names: readonly string[] = await readdir(directory).catch(() => [])
  const relatives = names.includes('partition')
    ? [dirname(directory)]
    : (await partitionsIn(directory, names)).map((name) => join(directory, name))
  const keys = await Promise.all(relatives.map(keyOfDevice))
  const file = await readFile(join(directory, 'loop/backing_file'), 'utf8').catch(() => undefined)
  const facts = file === undefined ? undefined : await stat(file.trimEnd()).catch(() => undefined)
  return [...keys, facts === undefined ? undefined : fileKey(facts)].filter(
    (key) => key !== undefined,
  )
}

async function partitionsIn(
  directory: string,
  names: readonly string[],
): Promise<readonly string[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const facts = await stat(join(directory, name, 'partition')).catch(() => undefined)
      return facts === undefined ? [] : [name]
    }),
  )
  return found.flat()
}

async function keyOfDevice(directory: string): Promise<string | undefined> {
  const text = await readFile(join(directory, 'dev'), 'latin1').catch(() => '')
  const [, major, minor] = /^(\d+):(\d+)/.exec(text) ?? []
  if (major === undefined || minor === undefined) return undefined
  const rdev = joined(Number(major), Number(minor))
  return fileKey({ dev: 0, ino: 0, rdev, isBlockDevice: () => true })
}

/** glibc's gnu_dev_major and gnu_dev_minor, for numbers of up to 32 bits. */
function deviceNumber(rdev: number): string {
  return `${(rdev >>> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >>> 12) & 0xfff00)}`
}

/** glibc's gnu_dev_makedev. */
function joined(major: number, minor: number): number {
  return ((major & 0xfff) << 8) | (minor & 0xff) | ((minor & 0xfff00) << 12)
}
