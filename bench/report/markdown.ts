import { SUITES } from '../suites/suite-table.ts'
import type { BenchRecord, BenchTable } from './bench-record.ts'
import { busyText } from './busy.ts'
import { libraryLines } from './library-lines.ts'
import { type Target, measureTarget } from './measure-target.ts'
import type { Picture } from './pictures.ts'
import { rowsOf } from './table-rows.ts'
import { medianOf, suiteTables, tablesOf } from './tables-of.ts'
import { TARGETS } from './targets.ts'

/** The text of the report. */
export function reportText(
  records: readonly BenchRecord[],
  pictures: readonly Picture[],
  folder: string,
): string {
  const [record] = records
  if (record === undefined) throw new Error('there is no record to report')
  return [
    '# Benchmarks',
    '',
    '<!-- `npm run bench -- report` writes this page. -->',
    '',
    INTRODUCTION,
    '',
    ...hostLines(record),
    '',
    '## Targets',
    '',
    'Each figure is the median of the ratios of single rounds. Each line can be measured alone: `npm run bench -- COMMAND`.',
    '',
    ...targetLines(records),
    '',
    ...libraryLines(tablesOf(records)),
    ...sizeLines(records),
    ...pictures.flatMap(({ title, name }) => [
      `## ${title}`,
      '',
      `![${title}](${folder}/${name}.svg)`,
      '',
    ]),
    '## All figures',
    '',
    ...tablesOf(records).flatMap((table) => tableLines(table, otherSource(table, records))),
    '## How to repeat it',
    '',
    REPEAT,
    '',
    '```sh checkout',
    'sh scripts/bench-report     # all of these:',
    ...records.map(({ command }) => `npm run bench -- ${command.map(quoted).join(' ')}`),
    '```',
    '',
  ].join('\n')
}

const INTRODUCTION = `All programs save and restore the same guest with the same content, in turn, round after round: virsh and Stasis as whole commands, from their start to their end, QEMU's own ways by its
monitor. A save ends when its image is durable. A restore begins with an image that is not in the page cache, and ends when the guest runs; the guest then proves by a counter and a checksum that it has lost and repeated nothing.
Tables show medians, with the least and the most. [bench/README.md](../bench/README.md) describes the method.`

const REPEAT = `As root on Debian 12, so that real libvirts can run beside the system. The bench says how much disk it needs, removes its files, and marks a table as busy if the machine did other work.
Then \`npm run bench -- report FILE…\` makes this page of the files that \`--json\` wrote.`

function hostLines({ host, limits, startedAt }: BenchRecord): readonly string[] {
  const rate = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB/s`
  return [
    '| machine | |',
    '|---|---|',
    `| measured | ${startedAt.slice(0, 10)}, commit ${host.commit} |`,
    `| processors, memory | ${host.processors} × ${host.processor}, ${Math.round(host.memoryBytes / 2 ** 30)} GiB |`,
    `| programs | QEMU ${host.qemu} without KVM, Node ${host.node}, Linux ${host.kernel}, ${host.fileSystem} |`,
    `| its limits | disk: writes ${rate(limits.diskWrite)}, reads ${rate(limits.diskRead)}; one processor copies ${rate(limits.memoryCopy)} |`,
  ]
}

/** A word as a shell reads it. */
function quoted(word: string): string {
  return word.includes(' ') ? `'${word}'` : word
}

/** How much of the memory adaptive compression has compressed, which decides what its time means. */
function sizeLines(records: readonly BenchRecord[]): readonly string[] {
  const results =
    suiteTables(tablesOf(records), 'save').find(({ ramBytes }) => ramBytes === 4 * 2 ** 30)
      ?.results ?? []
  const bytes = (name: string): number => medianOf(results, name, 'fileBytes')
  const share = bytes('stasis save, zstd adaptive') / bytes('stasis save, uncompressed')
  if (Number.isNaN(share)) return []
  return [
    `Adaptive compression makes a save at most about 30 % longer than the fastest mix of compressed and uncompressed memory. On this machine its image took ${Math.round(share * 100)} % of the uncompressed one; the picture of codecs and levels shows what fixed levels cost.`,
    '',
  ]
}

function targetLines(records: readonly BenchRecord[]): readonly string[] {
  const measured = TARGETS.map((target) => ({ target, ...measureTarget(target, records) }))
  const missed = measured.filter(({ value, met }) => !met && !Number.isNaN(value))
  return [
    '| figure | against | target | measured | | command |',
    '|---|---|--:|--:|---|---|',
    ...measured.map(({ target: { figure, against, most, command }, value, met }) => {
      const words = Number.isNaN(value)
        ? ['', 'not measured']
        : [value.toFixed(2), met ? 'met' : '**missed**']
      return `| ${figure} | ${against} | ≤ ${most} | ${words.join(' | ')} | \`${command}\` |`
    }),
    ...(missed.length === 0 ? [] : ['', 'What would reach those that were missed:', '']),
    ...reachLines(missed.map(({ target }) => target)),
  ]
}

/** What would reach each target, once for those that share it. */
function reachLines(missed: readonly Target[]): readonly string[] {
  return [...Map.groupBy(missed, ({ reach }) => reach)].map(([reach, targets]) => {
    const figures = new Set(targets.map(({ figure }) => figure))
    const peers = new Set(targets.map(({ against }) => against))
    return `- ${[...figures].join(', and ')} (against ${[...peers].join(', ')}): ${reach}.`
  })
}

/** When a table was measured, if that was not with the first record. */
function otherSource(table: BenchTable, records: readonly BenchRecord[]): string {
  const [first] = records
  const source = records.find(({ tables }) => tables.includes(table)) ?? first
  if (source === undefined || source.host.commit === first?.host.commit) return ''
  return ` Measured on ${source.startedAt.slice(0, 10)}, commit ${source.host.commit}.`
}

function tableLines(table: BenchTable, source: string): readonly string[] {
  const rows = rowsOf(table)
  const heads = Object.keys(rows[0] ?? {})
  const { suite, ramBytes, content, rounds } = table
  const guest = ramBytes === undefined ? '' : `, guest of ${ramBytes / 2 ** 30} GiB`
  const busy = busyText(table)
  const about = Object.entries(SUITES).find(([name]) => name === suite)?.[1].about ?? ''
  return [
    `### ${suite}${guest}, content ${content}`,
    '',
    `${about[0]?.toUpperCase()}${about.slice(1)}. Rounds: ${rounds}.${source}`,
    '',
    ...(busy === undefined ? [] : [`**${busy}.**`, '']),
    `| ${heads.join(' | ')} |`,
    `|${heads.map((_, index) => (index === 0 ? '---' : '--:')).join('|')}|`,
    ...rows.map((row) => `| ${heads.map((head) => row[head] ?? '').join(' | ')} |`),
    '',
  ]
}
