import {
  closeSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runtimePaths } from '../src/domain/store/runtime-paths.ts'
import { waitForAllMemory } from '../src/domain/store/postcopy-state.ts'
import {
  defineDomain,
  destroyDomain,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../src/index.ts'
import { domainXml } from '../test/support/domain-xml.ts'
import { benchClones } from './instant-clones.ts'
import { benchReading } from './instant-reading.ts'
import { printTarget } from './report.ts'
import { median } from './rounds.ts'
import type { BenchSetting } from './setting.ts'

const GIB = 2 ** 30

/** The tiny guest is below; the rest of its memory is filled from outside. */
const FILL_FROM = 16 * 2 ** 20

const NAME = 'bench'

interface Times {
  /** Until the guest ran. */
  readonly runningMs: number
  /** Until it printed. */
  readonly outputMs: number
  /** Until all memory was loaded, for modes that load it. */
  readonly allMs: number | undefined
}

const WAYS = {
  'start empty': (context: Context) => timed(context, () => startDomain(NAME, context)),
  map: (context: Context) => restored(context, 'none', 'map'),
  'lazy, zstd': (context: Context) => restored(context, 'zstd', 'lazy'),
  'load, zstd': (context: Context) => restored(context, 'zstd', 'load'),
  "load, raw (QEMU's own loading)": (context: Context) => restored(context, 'raw', 'load'),
} as const

type Way = keyof typeof WAYS

interface Context {
  readonly stateDir: string
  readonly serial: string
  readonly directory: string
}

/** The output of `npm run bench -- instant`: guests of several sizes, three quarters filled; then reading, then clones. */
export async function benchInstant(
  setting: BenchSetting,
  sizesGib: readonly number[],
): Promise<void> {
  const mapped: number[] = []
  for (const sizeGib of sizesGib) {
    const directory = join(setting.directory, `instant-${sizeGib}`)
    const context = { directory, stateDir: join(directory, 's'), serial: join(directory, 'serial') }
    await mkdir(directory)
    await makeImages(setting, context, sizeGib * GIB)
    for (const cache of ['warm', 'cold'] as const) {
      const runs = await measure(context, setting, cache)
      console.log(
        `${sizeGib} GiB, three quarters filled, page cache ${cache}, ${setting.rounds} rounds`,
      )
      printWays(runs)
      const over = (name: Way): number =>
        median(
          runs.map((run) => (run[name]?.runningMs ?? NaN) / (run['start empty']?.runningMs ?? NaN)),
        )
      if (setting.mapsInPlace) printTarget('map running / start empty', over('map'), 1.3)
      printTarget('lazy (zstd) running / start empty', over('lazy, zstd'), 1.5)
      if (cache === 'warm') mapped.push(median(runs.map((run) => run.map?.runningMs ?? NaN)))
    }
    if (sizeGib === sizesGib[0] && setting.mapsInPlace)
      await benchClones(context, NAME, imageOf(context, 'none'))
    await rm(directory, { recursive: true, force: true })
  }
  const growth = (mapped.at(-1) ?? NaN) / (mapped[0] ?? NaN)
  if (setting.mapsInPlace)
    printTarget(`map running, ${sizesGib.at(-1)} GiB / ${sizesGib[0]} GiB`, growth, 1.2)
  await benchReading(setting)
}

/** All modes in turn, round after round, so that a machine that slows down slows all of them. The first round warms up. */
async function measure(
  context: Context,
  { rounds, mapsInPlace }: BenchSetting,
  cache: 'warm' | 'cold',
): Promise<readonly Partial<Record<Way, Times>>[]> {
  const runs: Partial<Record<Way, Times>>[] = []
  for (let round = 0; round <= rounds; round += 1) {
    const run: Partial<Record<Way, Times>> = {}
    for (const [name, act] of Object.entries(WAYS)) {
      if (name === 'map' && !mapsInPlace) continue
      if (cache === 'cold') writeFileSync('/proc/sys/vm/drop_caches', '1')
      // On a host that restores guests the programs are in memory.
      if (cache === 'cold') await timed(context, () => startDomain(NAME, context))
      run[name as Way] = await act(context)
    }
    runs.push(run)
  }
  return runs.slice(1)
}

function printWays(runs: readonly Partial<Record<Way, Times>>[]): void {
  const rows = Object.keys(WAYS).flatMap((name) => {
    const times = runs.flatMap((run) => run[name as Way] ?? [])
    if (times.length === 0) return []
    const all = times.flatMap(({ allMs }) => allMs ?? [])
    return {
      way: name,
      'running ms': Math.round(median(times.map(({ runningMs }) => runningMs))),
      'first output ms': Math.round(median(times.map(({ outputMs }) => outputMs))),
      'all memory ms': all.length === 0 ? '' : Math.round(median(all)),
    }
  })
  console.table(rows)
}

async function makeImages(setting: BenchSetting, context: Context, bytes: number): Promise<void> {
  const { stateDir, serial } = context
  const xml = domainXml({
    ...{ name: NAME, guest: 'tiny', emulator: setting.emulator, memoryMib: bytes / 2 ** 20 },
    serial: { type: 'file', path: serial },
  })
  await defineDomain(xml, { stateDir })
  const { id } = await startDomain(NAME, { stateDir })
  await nextOutput(serial, 0)
  fillMemory(id, bytes, setting.filledPath)
  await saveDomain(NAME, imageOf(context, 'none'), { stateDir, compression: 'none' })
  await restoreDomain(imageOf(context, 'none'), { stateDir, mode: 'load' })
  await saveDomain(NAME, imageOf(context, 'zstd'), { stateDir, compression: 'zstd' })
  await restoreDomain(imageOf(context, 'none'), { stateDir, mode: 'load' })
  await saveDomain(NAME, imageOf(context, 'raw'), { stateDir, format: 'raw' })
}

async function restored(
  context: Context,
  image: 'none' | 'zstd' | 'raw',
  mode: 'map' | 'lazy' | 'load',
): Promise<Times> {
  const { stateDir } = context
  return timed(context, () => restoreDomain(imageOf(context, image), { stateDir, mode }))
}

async function timed(context: Context, act: () => Promise<object>): Promise<Times> {
  const { stateDir, serial } = context
  const before = statSync(serial).size
  const start = performance.now()
  const result = await act()
  const runningMs = performance.now() - start
  await nextOutput(serial, before)
  const outputMs = performance.now() - start
  const mode = 'mode' in result ? result.mode : undefined
  if (mode === 'lazy') {
    const paths = runtimePaths({ stateDir, runtimeDir: join(stateDir, 'run') }, NAME)
    await waitForAllMemory(NAME, paths, undefined)
  }
  const allMs = mode === 'lazy' || mode === 'load' ? performance.now() - start : undefined
  await destroyDomain(NAME, { stateDir })
  return { runningMs, outputMs, allMs: mode === 'load' ? runningMs : allMs }
}

function imageOf(context: Context, image: string): string {
  return join(context.directory, `${image}.sav`)
}

async function nextOutput(serial: string, before: number): Promise<void> {
  const size = (): number => statSync(serial, { throwIfNoEntry: false })?.size ?? 0
  while (size() <= before) await sleep(1)
}

/** Fills three quarters of a guest's memory, above the guest itself, with the content of a file, repeatedly. */
function fillMemory(pid: number, bytes: number, path: string): void {
  const ranges = readFileSync(`/proc/${pid}/maps`, 'latin1')
    .split('\n')
    .map((line) => (line.split(' ')[0] ?? '').split('-').map((text) => Number.parseInt(text, 16)))
  const start = ranges.find(([from = 0, to = 0]) => to - from === bytes)?.[0]
  if (start === undefined) throw new Error('the guest has no RAM of that size')
  const memory = openSync(`/proc/${pid}/mem`, 'r+')
  const source = openSync(path, 'r')
  const buffer = Buffer.allocUnsafe(4 * 2 ** 20)
  for (let at = FILL_FROM; at < bytes * 0.75;) {
    const length = readSync(source, buffer, 0, buffer.length, (at - FILL_FROM) % GIB)
    if (length === 0) throw new Error(`${path} is too short`)
    writeSync(memory, buffer, 0, length, start + at)
    at += length
  }
  closeSync(memory)
  closeSync(source)
}
