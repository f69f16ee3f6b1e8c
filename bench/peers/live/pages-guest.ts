import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { domainXml } from '../../../test/support/domain-xml.ts'
import { guestPaths } from '../../../test/support/guests.ts'
import type { BenchSetting } from '../../setting.ts'

/** What a guest writes all the time. */
export interface Load {
  readonly name: string
  /** From 2 MiB up, below the memory that is filled. */
  readonly pages: number
}

/** The processors work; memory stays as it is, but for 64 KiB. */
const QUIET: Load = { name: 'quiet', pages: 16 }
/** As fast as the processor can, in 58 MiB. */
const HARD: Load = { name: 'writing hard', pages: 15_000 }

/** The loads that are measured. */
export const LOADS: readonly Load[] = [QUIET, HARD]

/** A definition of the guest that writes numbered pages, with a disk of its own. */
export async function pagesGuest(
  setting: BenchSetting,
  guest: { readonly name: string; readonly emulator: string; readonly load: Load },
): Promise<{ readonly xml: string; readonly disk: string }> {
  const { name, emulator, load } = guest
  const disk = join(setting.directory, `${name}.img`)
  const sector = await readFile(guestPaths().pagesDisk)
  sector.writeUInt32LE(load.pages, 0x1f0)
  await writeFile(disk, sector)
  const path = join(setting.directory, `${name}.serial`)
  await rm(path, { force: true })
  await writeFile(path, '')
  const serial = { type: 'file', path } as const
  const memoryMib = setting.ramBytes / 2 ** 20
  const xml = domainXml({ name, guest: 'tiny', emulator, memoryMib, serial, diskPath: disk })
  return { xml, disk }
}
