import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, realpath, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { type ContentName, makeContent } from './content/make-content.ts'
import { endOnSignal } from './host/end-on-signal.ts'
import { freeHugeBytes, hostFacts } from './host/host-facts.ts'
import { prepareHostMemory } from './host/host-memory.ts'
import { LIMITS_BYTES, measureLimits } from './host/machine-limits.ts'
import type { BenchOptions } from './options.ts'
import type { BenchRecord, BenchTable } from './report/bench-record.ts'
import { measureRounds } from './rounds/measure-rounds.ts'
import { type BenchSetting, filledBytes } from './setting.ts'
import { SUITES, type SuiteName } from './suites/suite-table.ts'

/** Callbacks of a benchmark that runs. */
export interface SuiteListeners {
  /** The record so far, after each run, also in the middle of a table. */
  readonly onRecord: (record: BenchRecord) => Promise<void>
  readonly onTable: (table: BenchTable) => void
}

/** Measures what the options ask for. Nothing is left in the directory. A suite or a scenario that fails is left out. */
export async function runSuites(
  options: BenchOptions,
  command: readonly string[],
  { onRecord, onTable }: SuiteListeners,
): Promise<void> {
  if (!existsSync(options.emulator)) throw new Error(`QEMU is missing: ${options.emulator}`)
  await mkdir(options.directory, { recursive: true })
  // A libvirt in its own root has it under its real path only.
  const directory = await mkdtemp(join(await realpath(options.directory), 'run-'))
  const memory = await mkdtemp('/dev/shm/stasis-bench-')
  endOnSignal(directory, memory)
  try {
    await requireSpace(options, directory)
    const startedAt = new Date().toISOString()
    const host = hostFacts(directory, options.emulator)
    const tables: BenchTable[] = []
    const isChosen = chosenBy(options)
    let limits
    for (const content of options.contents) {
      const contentPath = join(memory, content)
      const ramBytes = Math.max(...options.ramBytes)
      await makeContent(content, contentPath, { ...options, directory, ramBytes })
      prepareHostMemory(ramBytes)
      limits ??= await measureLimits(directory)
      const facts = { startedAt, command, host, limits }
      for (const { suite, ...size } of planOf(options)) {
        const setting = {
          ...{ directory, contentPath, emulator: options.emulator, ...size },
          ...{
            mapsInPlace: options.mapsInPlace,
            against: options.against,
            channels: options.channels,
          },
          isChosen,
        }
        try {
          const table = await runSuite(
            suite,
            setting,
            { content, rounds: options.rounds },
            (soFar) => onRecord({ ...facts, tables: [...tables, soFar] }),
          )
          if (table.results.length === 0) continue
          tables.push(table)
          onTable(table)
        } catch (error) {
          noteFailure(suite, error)
        }
      }
      await rm(contentPath)
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
    await rm(memory, { recursive: true, force: true })
  }
}

async function runSuite(
  name: SuiteName,
  setting: BenchSetting,
  how: { readonly content: ContentName; readonly rounds: number | undefined },
  onRun: (table: BenchTable) => Promise<void>,
): Promise<BenchTable> {
  const suite = SUITES[name]
  const { content, rounds = suite.rounds } = how
  await using open = await suite.open(setting)
  const chosen = open.scenarios.filter((scenario) => setting.isChosen(scenario.name))
  const about = {
    ...{ suite: name, content, rounds, freeHugeBytes: freeHugeBytes() },
    ...(suite.usesRam ? { ramBytes: setting.ramBytes } : {}),
  }
  const results = await measureRounds(chosen, rounds, setting.directory, {
    onFailure: noteFailure,
    onRun: (soFar) => onRun({ ...about, results: soFar }),
  })
  return { ...about, results }
}

/** What else was measured counts all the same. */
function noteFailure(what: string, reason: unknown): void {
  console.error(`${what}:`, reason)
  process.exitCode = 1
}

/** What `--only` leaves. */
function chosenBy({ only }: BenchOptions): BenchSetting['isChosen'] {
  return (name) => only.length === 0 || only.some((part) => name.includes(part))
}

/** A suite with a guest of one size. */
interface Step {
  readonly suite: SuiteName
  readonly ramBytes: number
  readonly keepsImages: boolean
}

/** The steps in turn: all sizes of guests of each suite, but a restore directly behind the save whose images it uses. */
function planOf({ suites, ramBytes }: BenchOptions): readonly Step[] {
  const both = suites.includes('save') && suites.includes('restore')
  const steps: Step[] = []
  for (const suite of suites) {
    if (both && suite === 'restore') continue
    for (const bytes of ramBytes.slice(0, SUITES[suite].usesRam ? undefined : 1)) {
      const keepsImages = both && suite === 'save'
      steps.push({ suite, ramBytes: bytes, keepsImages })
      if (keepsImages) steps.push({ suite: 'restore', ramBytes: bytes, keepsImages: false })
    }
  }
  return steps
}

/** Says how much disk the benchmark needs; throws if there is less. */
async function requireSpace(options: BenchOptions, directory: string): Promise<void> {
  const isChosen = chosenBy(options)
  const images = Math.max(1, ...options.suites.map((suite) => SUITES[suite].images(isChosen)))
  const filled = filledBytes({ ramBytes: Math.max(...options.ramBytes) })
  const needed = images * filled + LIMITS_BYTES
  const { bavail, bsize } = await statfs(directory)
  const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`
  console.error(`up to ${gib(needed)} on the disk of ${directory}, ${gib(bavail * bsize)} are free`)
  if (needed > bavail * bsize)
    throw new Error('there is not enough space: see --ram and --directory')
}
