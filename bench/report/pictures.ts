import type { ScenarioResult } from '../rounds/measurement.ts'
import { median } from '../rounds/statistics.ts'
import { filledBytes } from '../setting.ts'
import type { BenchTable, MachineLimits } from './bench-record.ts'
import { type Bar, barChart } from './svg/bar-chart.ts'
import { type Series, lineChart } from './svg/line-chart.ts'
import { pointChart } from './svg/point-chart.ts'
import { medianOf, suiteTables } from './tables-of.ts'

const GIB = 2 ** 30
const MIB = 2 ** 20

/** A picture of the report. */
export interface Picture {
  readonly name: string
  readonly title: string
  readonly svg: string
}

/** The pictures that can be made of what was measured. */
export function picturesOf(
  tables: readonly BenchTable[],
  limits: MachineLimits,
): readonly Picture[] {
  return [
    overview(tables),
    againstRam(tables, limits, 'save'),
    againstRam(tables, limits, 'restore'),
    running(tables),
    againstChannels(tables),
    sizes(tables),
    stages(tables, limits),
  ].filter((picture) => picture !== undefined)
}

const SAVES = [
  'stasis save, zstd adaptive',
  'stasis save, uncompressed',
  'qemu save, mapped-ram + multifd + direct-io',
  'virsh 11.3 save, sparse, 4 channels, past the cache',
  'virsh 11.3 save, zstd',
] as const

const RESTORES = [
  'stasis map, uncompressed',
  'stasis lazy, zstd adaptive',
  'stasis load, uncompressed',
  'stasis load, zstd adaptive',
  'stasis load, zstd 1',
  'qemu load, mapped-ram + multifd + direct-io',
  'virsh 11.3 restore with 4 channels past the cache, sparse, 4 channels, past the cache',
  'virsh 11.3 restore, zstd',
] as const

/** The one picture of the README: a guest of 4 GiB goes and comes back. */
function overview(tables: readonly BenchTable[]): Picture | undefined {
  const at4 = (suite: string) =>
    suiteTables(tables, suite).find(({ ramBytes }) => ramBytes === 4 * GIB)?.results ?? []
  const groups = [
    { heading: 'Save', bars: barsOf(at4('save'), SAVES) },
    { heading: 'Restore, until the guest runs', bars: barsOf(at4('restore'), RESTORES) },
  ].filter(({ bars }) => bars.length > 0)
  if (groups.length === 0) return undefined
  const title = 'A guest of 4 GiB, three quarters filled: save and restore'
  return {
    ...{ name: 'overview', title },
    svg: barChart({ title, xLabel: 'seconds, whole commands', groups, limits: [] }),
  }
}

function againstRam(
  tables: readonly BenchTable[],
  limits: MachineLimits,
  suite: 'save' | 'restore',
): Picture | undefined {
  const sizes = suiteTables(tables, suite)
  if (sizes.length < 2) return undefined
  const series = (suite === 'save' ? SAVES : RESTORES).map((name) => ({
    name: label(name),
    points: sizes.flatMap(({ ramBytes = 0, results }) => {
      const y = medianOf(results, name)
      return Number.isNaN(y) ? [] : [{ x: ramBytes / GIB, y }]
    }),
  }))
  const limit = (name: string, rate: number): Series => ({
    name,
    points: sizes.map(({ ramBytes = 0 }) => ({
      x: ramBytes / GIB,
      y: filledBytes({ ramBytes }) / rate,
    })),
  })
  const title = suite === 'save' ? 'Save: time against memory' : 'Restore: time against memory'
  return {
    ...{ name: `${suite}-ram`, title },
    svg: lineChart({
      ...{ title, xLabel: 'memory of the guest, GiB (three quarters filled)', yLabel: 'seconds' },
      yScale: 'ratio',
      series: series.filter(({ points }) => points.length > 0),
      limits: [
        suite === 'save'
          ? limit('the disk writes as much, uncompressed', limits.diskWrite)
          : limit('the disk reads as much, uncompressed', limits.diskRead),
        limit('one processor copies as much', limits.memoryCopy),
      ],
    }),
  }
}

function running(tables: readonly BenchTable[]): Picture | undefined {
  const groups = suiteTables(tables, 'restore').map(({ ramBytes = 0, results }) => ({
    heading: `${ramBytes / GIB} GiB`,
    bars: barsOf(results, RESTORES),
  }))
  if (groups.length === 0) return undefined
  const title = 'Restore, from the start of the command until the guest runs'
  return {
    ...{ name: 'running', title },
    svg: barChart({ title, xLabel: 'seconds, image not in the page cache', groups, limits: [] }),
  }
}

function againstChannels(tables: readonly BenchTable[]): Picture | undefined {
  const table = suiteTables(tables, 'channels').at(-1)
  if (table === undefined) return undefined
  const title = `Save of ${(table.ramBytes ?? 0) / GIB} GiB: time against channels`
  return {
    ...{ name: 'channels', title },
    svg: lineChart({
      ...{ title, xLabel: 'channels', yLabel: 'seconds', yScale: 'linear', limits: [] },
      series: curves(table.results),
    }),
  }
}

function curves(results: readonly ScenarioResult[]): readonly Series[] {
  const points = results.flatMap(({ point, runs }) =>
    point === undefined ? [] : [{ ...point, y: median(runs.map(({ seconds }) => seconds)) }],
  )
  return [...new Set(points.map(({ series }) => series))].map((name) => ({
    name,
    points: points.filter(({ series }) => series === name),
  }))
}

function sizes(tables: readonly BenchTable[]): Picture | undefined {
  const table = suiteTables(tables, 'levels').at(-1)
  if (table === undefined) return undefined
  const title = `Save of ${(table.ramBytes ?? 0) / GIB} GiB: size against time, by codec and level`
  return {
    ...{ name: 'levels', title },
    svg: pointChart({
      ...{ title, xLabel: 'seconds', yLabel: 'MiB on the disk' },
      points: table.results.map(({ name }) => ({
        name: name.replace('stasis save, ', ''),
        group: name.replace('stasis save, ', '').split(' ')[0] ?? '',
        x: medianOf(table.results, name),
        y: medianOf(table.results, name, 'fileBytes') / MIB,
      })),
    }),
  }
}

/** Where our time goes. */
function stages(tables: readonly BenchTable[], limits: MachineLimits): Picture | undefined {
  const bars: Bar[] = []
  let filled = 0
  for (const suite of ['save', 'restore']) {
    const table = suiteTables(tables, suite).find(({ ramBytes }) => ramBytes === 4 * GIB)
    filled = filledBytes({ ramBytes: table?.ramBytes ?? 0 })
    for (const result of table?.results ?? []) {
      const names = Object.keys(result.runs[0]?.stages ?? {})
      if (names.length === 0 || result.name.startsWith('other')) continue
      const parts = names.map((name) => ({
        name,
        value: median(result.runs.map((run) => run.stages?.[name] ?? 0)),
      }))
      bars.push({ label: label(result.name), parts })
    }
  }
  if (bars.length === 0) return undefined
  const title = 'Where the time of Stasis goes, guest of 4 GiB'
  return {
    ...{ name: 'stages', title },
    svg: barChart({
      ...{ title, xLabel: 'seconds', groups: [{ heading: '', bars }] },
      limits: [
        { name: 'the disk writes the filled memory', value: filled / limits.diskWrite },
        { name: 'the disk reads it', value: filled / limits.diskRead },
        { name: 'one processor copies it', value: filled / limits.memoryCopy },
      ],
    }),
  }
}

function barsOf(results: readonly ScenarioResult[], names: readonly string[]): readonly Bar[] {
  return names.flatMap((name) => {
    const value = medianOf(results, name)
    return Number.isNaN(value)
      ? []
      : [{ label: label(name), parts: [{ name: programOf(name), value }] }]
  })
}

/** The first two words name the program and what it does. */
function programOf(name: string): string {
  const program = name.split(' ')[0] ?? ''
  return { stasis: 'Stasis', qemu: "QEMU's own way", virsh: 'virsh' }[program] ?? program
}

function label(name: string): string {
  return name
    .replace(
      'restore with 4 channels past the cache, sparse, 4 channels, past the cache',
      'restore, sparse, 4 channels',
    )
    .replace('sparse, 4 channels, past the cache', 'sparse, 4 channels')
}
