import { join } from 'node:path'
import type { Measurement } from '../../rounds/measurement.ts'
import type { BenchSetting } from '../../setting.ts'
import { type Way, scenarioNames } from '../way.ts'
import type { BenchGuest, GuestCost } from './bench-guest.ts'
import { type WayOptions, commandWay } from './command-ways.ts'
import { buildLibrary } from '../library/library-build.ts'
import { libraryAct } from '../library/library-act.ts'
import { type StasisGuestOptions, checkout, stasisGuest } from './stasis-commands.ts'

const LOAD = ['--mode', 'load'] as const

/** What the suites for saves and restores measure. */
const WAYS: readonly WayOptions[] = [
  {
    name: 'uncompressed',
    save: ['--parallel-compression', 'none'],
    restores: { load: LOAD, map: ['--mode', 'map'] },
  },
  {
    name: 'zstd adaptive',
    save: ['--parallel-compression', 'zstd'],
    restores: { load: LOAD, lazy: ['--mode', 'lazy'] },
  },
  {
    name: 'zstd 1',
    save: ['--parallel-compression', 'zstd', '--compression-level=1'],
    restores: { load: LOAD },
  },
]

/** Our ways, and those of the other checkout if there is one. */
export async function stasisWays(
  setting: BenchSetting,
  options: readonly WayOptions[] = WAYS,
): Promise<readonly Way[]> {
  const guests = [await stasisGuest(setting, checkout, 'stasis')]
  if (setting.against !== undefined)
    guests.push(await stasisGuest(setting, setting.against, 'other stasis'))
  return guests.flatMap((guest) => options.map((one) => stasisWay(setting, guest, one)))
}

/** `stasisWays`, and the same by calls of the library, beside which whole commands also pay for a start of Node. */
export async function allStasisWays(setting: BenchSetting): Promise<readonly Way[]> {
  const ways = await stasisWays(setting)
  if (!LIBRARY_WAYS.flatMap(libraryNames).some(setting.isChosen)) return ways
  const module = await buildLibrary(join(setting.directory, 'library'))
  const act: StasisGuestOptions['act'] =
    (env) =>
    (...words) =>
      libraryAct(module, env, words)
  const guest = await stasisGuest(setting, checkout, 'stasis', { act })
  const library = LIBRARY_WAYS.map((one) => stasisWay(setting, guest, one))
  // The library restores what the commands have saved, so that the disk needs no more images.
  return [
    ...ways.map((way) => {
      const same = library.filter(({ peer, name }) => peer === way.peer && name === way.name)
      const backs = same.flatMap(({ restores }) => restores)
      const more = backs.map((back) => ({ ...back, name: `${LIBRARY} ${back.name}` }))
      return { ...way, restores: [...way.restores, ...more] }
    }),
    ...library.map((way) => ({ ...way, peer: `stasis ${LIBRARY}`, restores: [] })),
  ]
}

/** The names of the scenarios of each of our ways. */
export function stasisNames(): readonly (readonly string[])[] {
  return WAYS.map((way) => [
    ...scenarioNames('stasis', way.name, Object.keys(way.restores)),
    ...(LIBRARY_WAYS.includes(way) ? libraryNames(way) : []),
  ])
}

const LIBRARY = 'library'

/** Of these, a level that the user sets is left out. */
const LIBRARY_WAYS = WAYS.filter(({ name }) => name !== 'zstd 1')

function libraryNames({ name, restores }: WayOptions): readonly string[] {
  return scenarioNames(`stasis ${LIBRARY}`, name, Object.keys(restores))
}

/** One way of a guest of Stasis. */
export function stasisWay(setting: BenchSetting, guest: BenchGuest, options: WayOptions): Way {
  const json = {
    ...options,
    save: [...options.save, '--json'],
    restores: Object.fromEntries(
      Object.entries(options.restores).map(([name, args]) => [name, [...args, '--json']]),
    ),
  }
  return commandWay(setting, guest, json, { save: figuresOfSave, restore: figuresOfRestore })
}

function figuresOfSave(cost: GuestCost): Partial<Measurement> {
  const { totalMs, transferMs, flushMs, downtimeMs } = timingOf(cost)
  const stages = {
    'start of the command': cost.wallMs - totalMs,
    'checks and preparation': totalMs - transferMs - flushMs,
    memory: transferMs,
    'flush and publish': flushMs,
  }
  return { stages: inSeconds(stages), downtimeSeconds: downtimeMs / 1000 }
}

function figuresOfRestore(cost: GuestCost): Partial<Measurement> {
  const { totalMs, startMs, loadMs, resumeMs } = timingOf(cost)
  const stages = {
    'start of the command': cost.wallMs - totalMs,
    'start of QEMU': startMs,
    memory: loadMs,
    'guest continues': resumeMs,
  }
  return { stages: inSeconds(stages) }
}

/** The times in the last line of the answer (docs/cli-json.md). */
function timingOf({ stdout }: GuestCost): Record<Time, number> {
  const answer = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as {
    readonly timing: Record<Time, number>
  }
  return answer.timing
}

type Time = 'totalMs' | 'transferMs' | 'flushMs' | 'downtimeMs' | 'startMs' | 'loadMs' | 'resumeMs'

function inSeconds(times: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, ms / 1000]))
}
