import { copyFile, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type AllowRule, defineDomain, destroyDomain, startDomain } from '../../src/index.ts'
import { CounterLog } from './counter-log.ts'
import { domainXml } from './domain-xml.ts'
import { guestPaths } from './guests.ts'
import { qemus } from './qemus.ts'
import { type TempDir, tempDir } from './temp-dir.ts'

/** A domain called `tiny` that counts on its serial port, in its own state directory. It ends with its scope. */
export interface TinyDomain extends AsyncDisposable {
  readonly name: 'tiny'
  readonly dir: TempDir
  readonly stateDir: string
  readonly runtimeDir: string
  readonly xml: string
  readonly log: CounterLog
}

/** How a guest writes its memory: see `test/guests/pages.s`. */
export interface WritingGuest {
  /** How many pages it writes, from 2 MiB up. */
  readonly pages: number
  /** Pages for each tick of 50 ms; 0: as fast as it can. */
  readonly rate: number
}

async function writingDisk(dir: TempDir, { pages, rate }: WritingGuest): Promise<string> {
  const path = dir.join('pages.img')
  const disk = await readFile(guestPaths().pagesDisk)
  disk.writeUInt32LE(pages, 0x1f0)
  disk.writeUInt32LE(rate, 0x1f4)
  await writeFile(path, disk)
  return path
}

async function copyOfDisk(dir: TempDir): Promise<string> {
  const path = dir.join('disk')
  await copyFile(guestPaths().tinyDisk, path)
  // There is room for a file system behind the program of the guest.
  await truncate(path, 4 * 1024 * 1024)
  return path
}

/** Defines and starts the domain. */
export async function startTinyDomain(
  options: {
    readonly started?: boolean
    readonly emulator?: string
    readonly allow?: readonly AllowRule[]
    /** Instead of the guest that counts, one that also writes and checks its memory all the time. */
    readonly writes?: WritingGuest
    /** Its disk is a copy that the test may change: `disk` in its directory. */
    readonly ownDisk?: boolean
    readonly memoryMib?: number
    /** Such as `pc-q35-7.2`, for restores by another QEMU. */
    readonly machine?: string
  } = {},
): Promise<TinyDomain> {
  const { started = true, allow, emulator = qemus()[0]?.emulator ?? '' } = options
  const dir = await tempDir()
  const stateDir = dir.join('state')
  const serial = { type: 'file', path: dir.join('serial') } as const
  const { memoryMib = 16, writes, ownDisk = false } = options
  const diskPath =
    writes === undefined
      ? ownDisk
        ? await copyOfDisk(dir)
        : undefined
      : await writingDisk(dir, writes)
  const disk = diskPath === undefined ? {} : { diskPath }
  const machine = options.machine === undefined ? {} : { machine: options.machine }
  const guest = { name: 'tiny', guest: 'tiny', emulator, serial, memoryMib } as const
  const xml = domainXml({ ...guest, ...machine, ...disk })
  try {
    await defineDomain(xml, { stateDir, allow })
    if (started) await startDomain('tiny', { stateDir })
  } catch (error) {
    await dir[Symbol.asyncDispose]()
    throw error
  }
  return {
    name: 'tiny',
    dir,
    stateDir,
    runtimeDir: join(stateDir, 'run'),
    xml,
    log: new CounterLog(serial.path),
    async [Symbol.asyncDispose](): Promise<void> {
      await destroyDomain('tiny', { stateDir }).catch(() => undefined)
      await dir[Symbol.asyncDispose]()
    },
  }
}
