import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDir } from './cache-dir.ts'
import type { BedVersion } from './libvirt-bed.ts'
import type { Side, TravelFormat } from './travelling-guest.ts'

/** One image that a guest went through, between the one who saved and the one who restored. */
export interface Journey extends TravelFormat {
  readonly guest: string
  readonly machine: string
  readonly saver: Side
  readonly restorer: Side
  readonly imageBytes: number
  readonly saveMs: number
  readonly restoreMs: number
}

/** What the interoperation test measured with one libvirt: `scripts/write-interop.ts` makes the document of it. */
export interface InteropResults {
  readonly libvirt: BedVersion
  /** What `virsh version` says. */
  readonly versions: string
  readonly journeys: readonly Journey[]
}

/** Where results are kept. */
export function resultsPath(version: BedVersion): string {
  return join(cacheDir, 'libvirt-interop', `${version}.json`)
}

/** Keeps results. */
export async function writeResults(results: InteropResults): Promise<void> {
  const path = resultsPath(results.libvirt)
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, `${JSON.stringify(results, undefined, 2)}\n`)
}
