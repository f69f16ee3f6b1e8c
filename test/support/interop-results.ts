import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheDir } from './cache-dir.ts'
import type { BedVersion } from './libvirt-bed.ts'
import type { Side, TravelFormat } from './travelling-guest.ts'

/** One save and restore of a guest: one side saved the image, one side restored it. */
export interface Journey extends TravelFormat {
  readonly guest: 'tiny' | 'linux'
  readonly machine: 'q35' | 'pc'
  readonly saver: Side
  readonly restorer: Side
  readonly imageBytes: number
  readonly saveMs: number
  readonly restoreMs: number
}

/** An image whose XML was changed between save and restore. */
export interface EditedImage extends TravelFormat {
  readonly saver: Side
  readonly editor: Side
  readonly verb: 'define' | 'edit'
  readonly restorer: Side
}

/** The last results of the tests with a real libvirt. `scripts/write-interop.ts` makes a document of them. */
export interface InteropResults {
  /** The output of `virsh version`. */
  readonly versions: string
  readonly journeys: readonly Journey[]
  readonly edited: readonly EditedImage[]
}

/** The results with one libvirt; empty if it was not tried. */
export async function readResults(version: BedVersion): Promise<InteropResults> {
  const text = await readFile(pathOf(version), 'utf8').catch(() => '{}')
  const found = JSON.parse(text) as Partial<InteropResults>
  return { versions: '', journeys: [], edited: [], ...found }
}

/** Replaces the results of the same kind. */
export async function keepResults(
  version: BedVersion,
  results: Partial<InteropResults>,
): Promise<void> {
  const path = pathOf(version)
  const all = { ...(await readResults(version)), ...results }
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `${JSON.stringify(all, undefined, 2)}\n`)
}

function pathOf(version: BedVersion): string {
  return join(cacheDir, 'libvirt-interop', `${version}.json`)
}
