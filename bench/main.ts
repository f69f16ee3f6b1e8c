import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cacheDir } from '../test/support/cache-dir.ts'
import { commandScenarios } from './commands/command-scenarios.ts'
import { convertScenarios, makeConvertImages } from './convert.ts'
import { makeGuestMemory } from './guest-memory.ts'
import { benchInstant } from './instant.ts'
import { printTable, printTarget } from './report.ts'
import { type Scenario, type ScenarioResult, measureRounds, median, ratio } from './rounds.ts'
import { makeRestoreImages, restoreScenarios } from './restore.ts'
import { saveScenarios } from './save.ts'
import { benchStart } from './start.ts'
import { makeVerifyImages, verifyScenarios } from './verify.ts'
import type { BenchSetting } from './setting.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    'ram-gib': { type: 'string', default: '4' },
    directory: { type: 'string', default: join(import.meta.dirname, '..', '.cache', 'bench') },
    qemu: { type: 'string', default: '10' },
    'sizes-gib': { type: 'string', default: '1,4,8' },
    against: { type: 'string' },
    only: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
  },
})

const emulator = emulatorOf(values.qemu)
if (!existsSync(emulator))
  throw new Error(`QEMU ${values.qemu} is missing: there is no ${emulator}`)
await mkdir(values.directory, { recursive: true })
// A libvirt in its own root has it under its real path only.
const directory = await mkdtemp(join(await realpath(values.directory), 'run-'))
const memory = await mkdtemp('/dev/shm/stasis-bench-')
const onlyStart = positionals.every((what) => what === 'start')
const setting: BenchSetting = {
  directory,
  filledPath: join(memory, 'filled'),
  ramBytes: Number(values['ram-gib']) * 2 ** 30,
  emulator,
  mapsInPlace: values.qemu !== '7.2',
  // A start takes less than a second, and varies more.
  rounds: Number(values.rounds ?? (onlyStart ? 15 : 3)),
  against: values.against,
}
try {
  if (!onlyStart) makeGuestMemory(setting.filledPath, setting.ramBytes)
  for (const what of positionals) {
    if (what === 'save') await benchSave()
    else if (what === 'restore') await benchRestore()
    else if (what === 'convert') await benchConvert()
    else if (what === 'instant')
      await benchInstant(setting, values['sizes-gib'].split(',').map(Number))
    else if (what === 'verify') await benchVerify()
    else if (what === 'start') await benchStart(setting)
    else
      throw new Error(`unknown benchmark "${what}": save, restore, convert, verify, instant, start`)
  }
} finally {
  await rm(directory, { recursive: true, force: true })
  await rm(memory, { recursive: true, force: true })
}

/** The distribution's QEMU, or one that `scripts/bench` has unpacked. */
function emulatorOf(version: string): string {
  const program = 'qemu-system-x86_64'
  if (version === '7.2') return `/usr/bin/${program}`
  if (version === '10' || version === '11') return join(cacheDir, `qemu-${version}`, program)
  throw new Error(`unknown QEMU "${version}": 7.2, 10, 11`)
}

/** The scenarios that `--only` names, or all. */
function chosen(scenarios: readonly Scenario[]): readonly Scenario[] {
  const { only } = values
  return scenarios.filter(({ name }) => only?.some((part) => name.includes(part)) ?? true)
}

async function benchConvert(): Promise<void> {
  await makeConvertImages(setting)
  const results = await measureRounds(chosen(convertScenarios(setting)), setting.rounds)
  if (values.json) console.log(JSON.stringify(results))
  printTable(results)
  for (const tool of ['zstd', 'gzip']) {
    for (const target of ['raw', 'sparse', 'stasis']) {
      const name = `${tool} to ${target}`
      printTarget(`${name} / ${tool} -dc alone`, ratio(results, name, `${tool} -dc alone`), 1)
    }
  }
  const peak = Math.max(...results.flatMap(({ runs }) => runs.map((run) => run.peakBytes ?? 0)))
  printTarget('peak memory of our process, MiB', peak / 2 ** 20, 256)
}

async function benchVerify(): Promise<void> {
  const images = await makeVerifyImages(setting)
  const results = await measureRounds(chosen(verifyScenarios(images)), setting.rounds)
  if (values.json) console.log(JSON.stringify(results))
  printTable(results)
  for (const { name } of images)
    printTarget(`verify ${name} / dd`, ratio(results, `verify ${name}`, `dd ${name}`), 1.3)
}

async function benchSave(): Promise<void> {
  await using commands = await commandScenarios(setting)
  const scenarios = [...saveScenarios(setting), ...commands.saves]
  const results = await measureRounds(chosen(scenarios), setting.rounds)
  if (values.json) console.log(JSON.stringify(results))
  printTable(results)
  const size = (name: string): number =>
    median(results.find((result) => result.name === name)?.runs.map((run) => run.fileBytes) ?? [])
  const peak = Math.max(...results.flatMap(({ runs }) => runs.map((run) => run.peakBytes ?? 0)))
  const adaptive = 'stasis, zstd adaptive'
  printTarget(
    'uncompressed / mapped-ram',
    ratio(results, 'stasis, uncompressed', 'qemu mapped-ram + multifd + direct-io'),
    1.05,
  )
  printTarget(
    'zstd adaptive / zstd alone (to disk)',
    ratio(results, adaptive, 'zstd -1 -T0 from memory to the disk'),
    1.15,
  )
  printTarget(
    'zstd adaptive / zstd alone (to nowhere)',
    ratio(results, adaptive, 'zstd -1 -T0 from memory to nowhere'),
    1.15,
  )
  printTarget('zstd adaptive / uncompressed', ratio(results, adaptive, 'stasis, uncompressed'), 1.5)
  printTarget(
    'size of zstd adaptive / uncompressed',
    size(adaptive) / size('stasis, uncompressed'),
    0.65,
  )
  printTarget('peak memory of our process, MiB', peak / 2 ** 20, 256)
  const sparse = 'virsh 11.3 save, sparse, 4 channels, past the cache'
  for (const [of, to, target] of [
    ['stasis save, uncompressed', sparse, 0.95],
    ['stasis save, uncompressed', 'qemu mapped-ram + multifd + direct-io', 1],
    ['stasis save, zstd adaptive', 'stasis save, uncompressed', 1.35],
    ['stasis save, zstd adaptive', 'virsh 11.3 save, zstd', 0.4],
  ] as const)
    printTarget(`${of} / ${to}`, ratio(results, of, to), target)
  printAgainst(results)
}

async function benchRestore(): Promise<void> {
  const images = await makeRestoreImages(setting)
  await using commands = await commandScenarios(setting)
  await commands.makeImages()
  const scenarios = [...restoreScenarios(setting, images), ...commands.restores]
  const results = await measureRounds(chosen(scenarios), setting.rounds)
  if (values.json) console.log(JSON.stringify(results))
  printTable(results)
  const plain = 'qemu plain stream, exec:cat'
  const peak = Math.max(...results.flatMap(({ runs }) => runs.map((run) => run.peakBytes ?? 0)))
  printTarget('zstd / plain stream', ratio(results, 'stasis, zstd', plain), 0.7)
  printTarget('peak memory of our process, MiB', peak / 2 ** 20, 256)
  const mapped = 'qemu mapped-ram + multifd + direct-io'
  const sparse =
    'virsh 11.3 restore, 4 channels, past the cache, sparse, 4 channels, past the cache'
  for (const [of, to, target] of [
    ['stasis load, uncompressed', mapped, 1.05],
    ['stasis load, zstd adaptive', 'virsh 11.3 restore, zstd', 0.25],
    ['stasis load, zstd adaptive', plain, 0.35],
    ['stasis map, uncompressed', sparse, 0.1],
  ] as const)
    printTarget(`${of} / ${to}`, ratio(results, of, to), target)
  printAgainst(results)
}

/** Our commands beside those of the other checkout. */
function printAgainst(results: readonly ScenarioResult[]): void {
  for (const { name } of results.filter((result) => result.name.startsWith('other ')))
    printTarget(
      `${name.replace('other ', '')} / ${name}`,
      ratio(results, name.replace('other ', ''), name),
      1.03,
    )
}
