import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runnerOptions } from '../support/runner-options.ts'
import { LIMIT_MS } from './build-machine.ts'
import { changes, keyOf, listOf, LISTS, readList, writeList } from './expectation.ts'
import { figureLine, figuresOf, slowest } from './figures.ts'
import { judgeAll } from './judge-all.ts'
import { machinesDocument } from './document.ts'

const values = runnerOptions('test:machines', {
  accept: {
    type: 'boolean',
    default: false,
    help: 'take the machines as they are now into the lists of what is known',
  },
  write: { type: 'boolean', default: false, help: 'make docs/machines.md' },
  only: {
    type: 'string',
    value: 'TEXT',
    help: 'judge only machines with this in their names, and show each difference',
  },
})

if (values.only !== undefined) showOnly(values.only)
else runAll()

function runAll(): void {
  const judgements = judgeAll()
  for (const figures of figuresOf(judgements)) console.log(figureLine(figures))
  const longest = slowest(judgements)
  console.log(`slowest command line: ${(longest?.timeMs ?? 0).toFixed(1)} ms (${longest?.name})`)
  if (values.accept === true) {
    for (const name of LISTS) writeList(name, listOf(name, judgements))
  }
  if (values.write === true) {
    writeFileSync(join(import.meta.dirname, '../../docs/machines.md'), machinesDocument(judgements))
  }
  const judged = new Set(judgements.map(keyOf))
  const faults = [
    ...LISTS.flatMap((name) =>
      changes(readList(name), listOf(name, judgements), judged).map((text) => `${name} ${text}`),
    ),
    ...judgements
      .filter(({ verdict }) => verdict === 'crashed')
      .map((one) => `${keyOf(one)} crashes`),
    ...((longest?.timeMs ?? 0) > LIMIT_MS ? [`${longest?.name} takes too long`] : []),
  ]
  for (const fault of faults) console.log(fault)
  if (faults.length > 0) process.exitCode = 1
}

function showOnly(text: string): void {
  for (const one of judgeAll({ only: text })) {
    console.log(`${keyOf(one)} ${one.input}: ${one.verdict}`)
    if (one.differences.length === 0) for (const reason of one.reasons) console.log(`  ${reason}`)
    for (const { fact, weight, theirs, ours } of one.differences) {
      console.log(
        `  ${weight}: ${fact}\n    libvirt: ${theirs ?? '-'}\n    ours:    ${ours ?? '-'}`,
      )
    }
  }
}
