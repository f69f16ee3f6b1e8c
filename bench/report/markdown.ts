import { SUITES } from '../suites/suite-table.ts'
import type { BenchRecord, BenchTable } from './bench-record.ts'
import { busyRuns } from './busy.ts'
import { measureTarget } from './measure-target.ts'
import type { Picture } from './pictures.ts'
import { rowsOf } from './table-rows.ts'
import { tablesOf } from './tables-of.ts'
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
    'Ratios of medians in one run, round by round. Each line can be measured alone: `npm run bench -- SUITE`.',
    '',
    ...targetLines(records),
    '',
    ...pictures.flatMap(({ title, name }) => [
      `## ${title}`,
      '',
      `![${title}](${folder}/${name}.svg)`,
      '',
    ]),
    '## All figures',
    '',
    ...tablesOf(records).flatMap(tableLines),
    '## How to repeat it',
    '',
    REPEAT,
    '',
    '```sh checkout',
    ...records.map(({ command }) => `npm run bench -- ${command.join(' ')}`),
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
    ...missed.map(
      ({ target }) => `- ${target.figure}, against ${target.against}: ${target.reach}.`,
    ),
  ]
}

function tableLines(table: BenchTable): readonly string[] {
  const rows = rowsOf(table)
  const heads = Object.keys(rows[0] ?? {})
  const { suite, ramBytes, content, rounds } = table
  const guest = ramBytes === undefined ? '' : `, guest of ${ramBytes / 2 ** 30} GiB`
  const { busy, runs } = busyRuns(table)
  const about = Object.entries(SUITES).find(([name]) => name === suite)?.[1].about ?? ''
  return [
    `### ${suite}${guest}, content ${content}`,
    '',
    `${about[0]?.toUpperCase()}${about.slice(1)}. Rounds: ${rounds}.`,
    '',
    ...(busy === 0
      ? []
      : [
          `**Busy: the machine did other work in ${busy} of ${runs} runs. These figures are not to be quoted.**`,
          '',
        ]),
    `| ${heads.join(' | ')} |`,
    `|${heads.map((_, index) => (index === 0 ? '---' : '--:')).join('|')}|`,
    ...rows.map((row) => `| ${heads.map((head) => row[head] ?? '').join(' | ')} |`),
    '',
  ]
}
