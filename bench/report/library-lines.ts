import { ratio } from '../rounds/statistics.ts'
import type { BenchTable } from './bench-record.ts'
import { suiteTables } from './tables-of.ts'
import { MAPPED, PLAIN_STREAMS, SPARSE } from './targets.ts'

/** An act of ours, and what it is compared with. */
interface Comparison {
  readonly suite: 'save' | 'restore'
  /** The name of the scenario behind the name of the program. */
  readonly act: string
  /** Scenarios. */
  readonly peers: readonly string[]
}

const COMPARISONS: readonly Comparison[] = [
  {
    ...{ suite: 'save', act: 'save, uncompressed' },
    peers: [`qemu save, ${MAPPED}`, `virsh 11.3 save, ${SPARSE}`],
  },
  { suite: 'save', act: 'save, zstd adaptive', peers: ['virsh 11.3 save, zstd'] },
  { suite: 'restore', act: 'load, uncompressed', peers: [`qemu load, ${MAPPED}`] },
  {
    ...{ suite: 'restore', act: 'load, zstd adaptive' },
    peers: ['virsh 11.3 restore, zstd', ...PLAIN_STREAMS.map((stream) => `qemu load, ${stream}`)],
  },
  ...['map, uncompressed', 'lazy, zstd adaptive'].map((act) => ({
    ...{ suite: 'restore' as const, act },
    peers: [`virsh 11.3 restore with 4 channels past the cache, ${SPARSE}`],
  })),
]

/** The ratios of the library beside those of whole commands, with a guest of 4 GiB; nothing if the library was not measured. */
export function libraryLines(tables: readonly BenchTable[]): readonly string[] {
  const rows = COMPARISONS.flatMap(({ suite, act, peers }) => {
    const results =
      suiteTables(tables, suite).find(({ ramBytes }) => ramBytes === 4 * 2 ** 30)?.results ?? []
    return peers.flatMap((peer) => {
      const [library, command] = ['stasis library', 'stasis'].map((program) =>
        ratio(results, `${program} ${act}`, peer),
      )
      if (library === undefined || command === undefined || Number.isNaN(library)) return []
      return [`| ${act} | ${peer} | ${library.toFixed(2)} | ${command.toFixed(2)} |`]
    })
  })
  if (rows.length === 0) return []
  return [
    'A program that has imported the library does not start Node. From its call until the guest runs, or until the image is durable, guest of 4 GiB:',
    '',
    '| act | against | library | whole command |',
    '|---|---|--:|--:|',
    ...rows,
    '',
  ]
}
