import type { ScenarioResult } from '../rounds/measurement.ts'
import { type Figure, median, ratio, valuesOf } from '../rounds/statistics.ts'
import { QEMU_START } from '../suites/instant.ts'
import type { BenchRecord } from './bench-record.ts'

/** What we want to reach. */
export interface Target {
  readonly figure: string
  readonly against: string
  readonly most: number
  /** Arguments that measure it. */
  readonly command: string
  readonly measure: (find: FindResults) => number
}

/** The results of a suite with a guest of some GiB; empty if it was not measured. */
type FindResults = (suite: string, ramGib?: number) => readonly ScenarioResult[]

const MIB = 2 ** 20
const OURS = 'stasis save, uncompressed'
const ADAPTIVE = 'stasis save, zstd adaptive'
const SPARSE = 'sparse, 4 channels, past the cache'
const MAPPED = 'mapped-ram + multifd + direct-io'
const RESTORE_SPARSE = `virsh 11.3 restore with 4 channels past the cache, ${SPARSE}`

/** The targets, for a guest of 4 GiB that is three quarters filled, half compressible, unless they say otherwise. */
export const TARGETS: readonly Target[] = [
  between('save uncompressed', `QEMU ${MAPPED}`, 1, 'save', OURS, `qemu save, ${MAPPED}`),
  between(
    'save uncompressed',
    `virsh 11.3 ${SPARSE}`,
    0.95,
    'save',
    OURS,
    `virsh 11.3 save, ${SPARSE}`,
  ),
  between('save zstd, adaptive', 'our uncompressed save', 1.35, 'save', ADAPTIVE, OURS),
  between('save zstd, adaptive', 'virsh 11.3 zstd', 0.4, 'save', ADAPTIVE, 'virsh 11.3 save, zstd'),
  {
    figure: 'save on a disk of 500 MB/s, adaptive',
    against: 'our uncompressed save there',
    ...{ most: 0.7, command: 'throttled --ram 2' },
    measure: (find) => ratio(find('throttled', 2), `${ADAPTIVE}, 500 MB/s`, `${OURS}, 500 MB/s`),
  },
  between(
    'full load uncompressed, cold',
    `QEMU ${MAPPED}`,
    1.05,
    'restore',
    'stasis load, uncompressed',
    `qemu load, ${MAPPED}`,
  ),
  between(
    'full load zstd, cold',
    'virsh 11.3 restore zstd',
    0.25,
    'restore',
    'stasis load, zstd adaptive',
    'virsh 11.3 restore, zstd',
  ),
  between(
    'full load zstd, cold',
    'QEMU plain stream',
    0.35,
    'restore',
    'stasis load, zstd adaptive',
    'qemu load, plain stream to a file',
  ),
  {
    figure: 'restore to running by map, 8 GiB',
    against: 'virsh 11.3 restore, sparse, 4 channels',
    ...{ most: 0.1, command: 'save restore --ram 1,8' },
    measure: (find) => ratio(find('restore', 8), 'stasis map, uncompressed', RESTORE_SPARSE),
  },
  {
    figure: 'restore to running by map, 8 GiB',
    against: 'the same with 1 GiB',
    ...{ most: 1.2, command: 'save restore --ram 1,8' },
    measure: (find) =>
      secondsOf(find('restore', 8), 'stasis map, uncompressed') /
      secondsOf(find('restore', 1), 'stasis map, uncompressed'),
  },
  {
    figure: 'restore to running, lazy zstd, cold',
    against: "QEMU's own start with the same machine",
    ...{ most: 1.5, command: 'instant' },
    measure: (find) => ratio(find('instant', 4), 'stasis lazy, zstd adaptive', QEMU_START),
  },
  ...['list --all', 'domstate running'].map((command) => ({
    figure: `${command}, processor time`,
    against: 'node -e 0',
    ...{ most: 1.6, command: 'start' },
    measure: (find: FindResults) =>
      ratio(find('start'), `stasis ${command}`, 'node -e 0', 'processorSeconds'),
  })),
  between(
    'verify, zstd',
    'dd with O_DIRECT',
    1.3,
    'verify',
    'verify stasis, zstd',
    'dd stasis, zstd',
  ),
  between(
    'verify, uncompressed',
    'dd with O_DIRECT',
    1.3,
    'verify',
    'verify stasis, uncompressed',
    'dd stasis, uncompressed',
  ),
  {
    figure: 'peak memory of ours at 4 channels, MiB',
    against: '1 MiB',
    ...{ most: 256, command: 'channels --ram 2' },
    measure: (find) =>
      Math.max(
        ...['none', 'zstd'].map(
          (codec) =>
            largest(find('channels', 2), `stasis save, ${codec}, 4 channels`, 'peakBytes') / MIB,
        ),
      ),
  },
]

/** The value of a target in the last record that measured it, NaN if none did, and whether that is good enough. */
export function measureTarget(
  target: Target,
  records: readonly BenchRecord[],
): { readonly value: number; readonly met: boolean } {
  const tables = records.flatMap((record) => record.tables)
  const value = target.measure(
    (suite, ramGib) =>
      tables.findLast(
        (table) =>
          table.suite === suite &&
          table.content === 'mixed' &&
          (ramGib === undefined || table.ramBytes === ramGib * 2 ** 30),
      )?.results ?? [],
  )
  return { value, met: value <= target.most }
}

/** The ratio of two scenarios of a suite, with the guest of 4 GiB. */
function between(
  figure: string,
  against: string,
  most: number,
  suite: string,
  of: string,
  to: string,
): Target {
  return { figure, against, most, command: suite, measure: (find) => ratio(find(suite, 4), of, to) }
}

function secondsOf(results: readonly ScenarioResult[], name: string): number {
  return median(
    results.filter((one) => one.name === name).flatMap((one) => valuesOf(one, 'seconds')),
  )
}

function largest(results: readonly ScenarioResult[], name: string, figure: Figure): number {
  const values = results.filter((one) => one.name === name).flatMap((one) => valuesOf(one, figure))
  return values.length === 0 ? Number.NaN : Math.max(...values)
}
