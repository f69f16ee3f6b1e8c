/**
 * Runs all tests: `scripts/run scripts/all-tests/main.ts [FILE...]`. Each file has a process of its own, several run at a time, those that take longest begin
 * first, and a file that needs a package begins once that is unpacked.
 */
import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { run } from 'node:test'
import { promisify } from 'node:util'
import { type Work, runInLanes } from './lanes.ts'
import { groupOf, longestFirst, packagesOf } from './order.ts'
import { Report } from './report.ts'

const root = join(import.meta.dirname, '../..')
/** A test waits for a guest or the disk more than half of its time. */
const LANES = 2 * availableParallelism() + 1
/** Programs that a test starts from the sources get it, too (`qemu/process/spawn-helper.ts`). */
const EXEC_ARGV = [`--import=${new URL('./resolve-sources.ts', import.meta.url).href}`]

const UNIT_TESTS = 'scripts/all-tests/unit-tests.ts'
const given = process.argv.slice(2)
const files =
  given.length > 0 ? given : [UNIT_TESTS, ...globSync('test/**/*.test.ts', { cwd: root })]

const unpacked = new Map<string, Promise<unknown>>()
const works = longestFirst(files).map((file): Work => {
  const script = packagesOf(file)
  if (script !== undefined && !unpacked.has(script)) unpacked.set(script, unpack(script))
  return {
    name: file,
    after: script === undefined ? undefined : unpacked.get(script),
    group: groupOf(file),
  }
})
const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(name, () => stop.abort())
const report = new Report()
await runInLanes(works, LANES, async ({ name }) => {
  if (stop.signal.aborted) return
  const files = [join(root, name)]
  const events = run({ files, concurrency: 1, signal: stop.signal, execArgv: EXEC_ARGV })
  await report.add(name, events)
})
await report.end()
process.exitCode = report.passed && !stop.signal.aborted ? 0 : 1

/** Waits for a script that unpacks packages. If it fails, the tests say what is missing. */
async function unpack(script: string): Promise<void> {
  await promisify(execFile)('sh', script.split(' '), { cwd: root }).catch(() => undefined)
}
