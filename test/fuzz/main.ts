import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir } from '../support/cache-dir.ts'
import { runnerOptions } from '../support/runner-options.ts'
import type { Finding } from './campaign.ts'
import { PARSERS } from './parser-table.ts'
import { type LaneResult, watchLane } from './watch-lane.ts'

const values = runnerOptions('fuzz', {
  minutes: { type: 'string', value: 'N', help: 'time for all parsers together', default: '5' },
  runs: { type: 'string', value: 'N', help: 'inputs for each parser, instead of a time' },
  only: {
    type: 'string',
    multiple: true,
    value: 'PARSER',
    help: 'parsers whose name contains this',
  },
  seed: { type: 'string', value: 'N', help: 'repeats a run' },
  input: { type: 'string', value: 'FILE', help: 'give only this input to the parser' },
  list: { type: 'boolean', default: false, help: 'print the parsers' },
})

const only = values.only ?? []
const chosen = PARSERS.filter(
  ({ name }) => only.length === 0 || only.some((part) => name.includes(part)),
)
const seed = Number(values.seed ?? Date.now() % 2 ** 31)

function row(name: string, { tally, findings }: LaneResult): readonly string[] {
  const { runs, elapsedMs, accepted, corpus, covered, coveredBySeeds } = tally
  return [
    name,
    String(runs),
    (runs / (elapsedMs / 1000 || 1)).toFixed(0),
    `${((100 * accepted) / (runs || 1)).toFixed(0)} %`,
    String(corpus),
    `+${covered - coveredBySeeds}`,
    String(findings.length),
  ]
}

const HEAD = ['parser', 'runs', 'runs/s', 'accepted', 'corpus', 'new code', 'findings']
const WIDTHS = [24, 10, 8, 9, 7, 9, 9]

function line(cells: readonly string[]): string {
  return cells
    .map((cell, at) => (at === 0 ? cell.padEnd(WIDTHS[0] ?? 0) : cell.padStart(WIDTHS[at] ?? 0)))
    .join(' ')
}

function keep(finding: Finding): string {
  const folder = join(cacheDir, 'fuzz', 'findings')
  mkdirSync(folder, { recursive: true })
  const digest = createHash('sha256').update(finding.input).digest('hex').slice(0, 12)
  const path = join(folder, `${finding.parser}-${digest}`)
  writeFileSync(path, finding.input)
  return path
}

function show(finding: Finding): void {
  const { parser, fault, stack, input } = finding
  const places = stack.split('\n').filter((frame) => /\/(src|test)\//.test(frame))
  console.log(`\n${parser}: ${fault}\n  ${input.length} bytes: ${keep(finding)}`)
  for (const place of places.slice(0, 4))
    console.log(`  ${place.trim().replace(/file:\/\/\S*\/(src|test)\//, '$1/')}`)
}

async function fuzz(): Promise<boolean> {
  console.log(`seed ${seed}, ${chosen.length} parsers, ${values.minutes} minutes\n${line(HEAD)}`)
  let found = 0
  let runs = 0
  for (const { name } of chosen) {
    const result = await watchLane({
      parser: name,
      seed,
      corpusDirectory: join(cacheDir, 'fuzz', 'corpus', name),
      runs: values.runs === undefined ? undefined : Number(values.runs),
      seconds:
        values.runs === undefined ? (Number(values.minutes) * 60) / chosen.length : undefined,
      input: values.input,
    })
    console.log(line(row(name, result)))
    for (const finding of result.findings) show(finding)
    found += result.findings.length
    runs += result.tally.runs
  }
  console.log(line(['all', String(runs), '', '', '', '', String(found)]))
  return found > 0
}

if (values.list) for (const { name } of PARSERS) console.log(name)
else if (chosen.length === 0) throw new Error(`no parser is called ${only.join(' or ')}`)
else if (await fuzz()) process.exitCode = 1
