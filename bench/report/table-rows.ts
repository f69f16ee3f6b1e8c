import type { ScenarioResult } from '../rounds/measurement.ts'
import { type Figure, median, ratio, valuesOf } from '../rounds/statistics.ts'
import type { BenchTable } from './bench-record.ts'

/** The cells of a table by the heads of their columns; what no scenario has is left out. */
export type TableRow = Readonly<Record<string, string>>

interface Column {
  readonly head: string
  readonly cell: (result: ScenarioResult) => string
}

const MIB = 2 ** 20

/** One row for each scenario: the median, the least and the most, and the ratio to the fastest peer. */
export function rowsOf({ results }: BenchTable): readonly TableRow[] {
  const fastest = fastestPeer(results)
  const columns: readonly Column[] = [
    { head: 'scenario', cell: ({ name }) => name },
    { head: 's', cell: (result) => number(median(valuesOf(result, 'seconds'))) },
    { head: 'least to most', cell: spread },
    {
      head: '÷ peer',
      cell: ({ name, peer = fastest }) =>
        peer === undefined ? '' : number(ratio(results, name, peer)),
    },
    { head: 'guest stopped, s', cell: of('downtimeSeconds') },
    { head: 'STOP to RESUME, ms', cell: of('pauseSeconds', milliseconds) },
    { head: 'guest does nothing, ms', cell: of('visibleSeconds', milliseconds) },
    { head: 'slowest write, ms', cell: of('slowestWriteSeconds', milliseconds) },
    { head: 'writes, % of before', cell: of('writeSpeed', (part) => number(part * 100)) },
    { head: 'prints, s', cell: of('outputSeconds') },
    { head: 'faults', cell: of('faults', (count) => `${count}`) },
    { head: 'p50, ms', cell: of('faultSeconds', milliseconds) },
    { head: 'p99, ms', cell: of('rareFaultSeconds', milliseconds) },
    { head: 'slowest, ms', cell: of('slowestFaultSeconds', milliseconds) },
    { head: 'read again, ms', cell: of('presentSeconds', milliseconds) },
    { head: 'file, MiB', cell: of('fileBytes', (bytes) => `${Math.round(bytes / MIB)}`) },
    { head: 'CPU, s', cell: of('processorSeconds') },
    { head: 'CPU of QEMU, s', cell: of('qemuProcessorSeconds') },
    { head: 'peak, MiB', cell: of('peakBytes', (bytes) => `${Math.round(bytes / MIB)}`) },
  ]
  const used = columns.filter(({ cell }) => results.some((result) => cell(result) !== ''))
  return results.map((result) =>
    Object.fromEntries(used.map(({ head, cell }) => [head, cell(result)])),
  )
}

/** The scenario of another program with the least median, where nothing else is compared; `undefined` if all are ours. */
function fastestPeer(results: readonly ScenarioResult[]): string | undefined {
  if (results.some(({ peer }) => peer !== undefined)) return undefined
  const peers = results.filter(({ name }) => !name.includes('stasis'))
  const time = (result: ScenarioResult): number => median(valuesOf(result, 'seconds'))
  return peers.toSorted((a, b) => time(a) - time(b))[0]?.name
}

function of(figure: Figure, format: (value: number) => string = number) {
  return (result: ScenarioResult): string => {
    const values = valuesOf(result, figure)
    return values.length === 0 ? '' : format(median(values))
  }
}

function milliseconds(seconds: number): string {
  return number(seconds * 1000)
}

function spread(result: ScenarioResult): string {
  const seconds = valuesOf(result, 'seconds')
  return `${number(Math.min(...seconds))} to ${number(Math.max(...seconds))}`
}

/** Three digits are more than a measurement of a virtual machine has. */
function number(value: number): string {
  if (Number.isNaN(value)) return ''
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
