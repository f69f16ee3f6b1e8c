/**
 * Runs all tests: `scripts/run scripts/all-tests/main.ts [FILE...]`. Each file has a process of its own, several run at a time, those that take longest begin
 * first, and a file begins once the QEMUs, guests and packages that it needs are there.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { run } from 'node:test'
import { type Work, runInLanes } from './lanes.ts'
import { groupOf, longestFirst, scriptsBefore } from './order.ts'
import { Report } from './report.ts'

const root = join(import.meta.dirname, '../..')
/** A test waits for a guest or the disk more than half of its time. */
const LANES = 2 * availableParallelism() + 1
/** Programs that a test starts from the sources get it, too (`qemu/process/spawn-helper.ts`). */
const EXEC_ARGV = [`--import=${new URL('./resolve-sources.ts', import.meta.url).href}`]

const OWN_FILES = ['scripts/all-tests/static-checks.ts', 'scripts/all-tests/unit-tests.ts']
const given = process.argv.slice(2)
const files =
  given.length > 0 ? given : [...OWN_FILES, ...globSync('test/**/*.test.ts', { cwd: root })]

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(name, () => stop.abort())
const begun = new Map<string, Promise<void>>()
const works = longestFirst(files).map((file): Work => {
  const scripts = scriptsBefore(file)
  const after = scripts.length === 0 ? undefined : Promise.all(scripts.map(begin))
  return { name: file, after, group: groupOf(file) }
})
const report = new Report()
await runInLanes(works, LANES, async ({ name }) => {
  if (stop.signal.aborted) return
  const files = [join(root, name)]
  const events = run({ files, concurrency: 1, signal: stop.signal, execArgv: EXEC_ARGV })
  await report.add(name, events)
})
await report.end()
process.exitCode = report.passed && !stop.signal.aborted ? 0 : 1

/** Runs a script of the checkout, once. */
function begin(script: string): Promise<void> {
  const running = begun.get(script) ?? runScript(script)
  begun.set(script, running)
  return running
}

/** If the script fails, the tests say what is missing. */
async function runScript(script: string): Promise<void> {
  const child = spawn('sh', script.split(' '), {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    signal: stop.signal,
  })
  await once(child, 'close').catch(() => undefined)
}
