import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readOptions, shownArguments } from './options.ts'
import { type BenchRecord, readBenchRecord, recordText } from './report/bench-record.ts'
import { printTable, printTargets } from './report/print.ts'
import { writeReport } from './report/write-report.ts'
import { runSuites } from './run-suites.ts'
import { SUITES } from './suites/suite-table.ts'

const docs = join(import.meta.dirname, '../docs')
const args = process.argv.slice(2)
try {
  if (args[0] === 'report') await writeReport(docs, args.slice(1).map(readBenchRecord))
  else if (args.every((arg) => arg.startsWith('-'))) printSuites()
  else await measure()
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

async function measure(): Promise<void> {
  const options = readOptions(args)
  const { json } = options
  let last: BenchRecord | undefined
  await runSuites(options, shownArguments(args), {
    onTable(table) {
      if (json !== '-') printTable(table)
    },
    async onRecord(record) {
      last = record
      // What was measured survives what fails later.
      if (json !== undefined && json !== '-') await replaceFile(json, recordText(record))
    },
  })
  if (last === undefined) return
  if (json === '-') process.stdout.write(recordText(last))
  else printTargets([last])
}

/** An end in the middle leaves the older text. */
async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.tmp`
  await writeFile(next, text)
  await rename(next, path)
}

function printSuites(): void {
  console.log(
    'npm run bench -- SUITE… [OPTION…], npm run bench -- report FILE… (see bench/README.md)',
  )
  for (const [name, { about }] of Object.entries(SUITES))
    console.log(`  ${name.padEnd(9)} ${about}`)
}
