import { holdHugePages } from '../host/huge-pages.ts'
import type { Scenario } from '../rounds/measurement.ts'
import { checkout, stasisGuest } from '../peers/commands/stasis-commands.ts'
import { stasisWay } from '../peers/commands/stasis-ways.ts'
import { commandLineOf, startAlone } from '../peers/qemu/start-alone.ts'
import { type Way, restoreScenarios, scenarioNames } from '../peers/way.ts'
import type { BenchSetting } from '../setting.ts'
import type { Suite } from './suite.ts'

/** How soon a guest runs, prints and has all its memory. */
export const instantSuite: Suite = {
  ...{ rounds: 2, usesRam: true, images: () => 3 },
  about: 'restores without waiting for memory, beside a start with empty memory',
  async open(setting) {
    const guest = await stasisGuest(setting, checkout, 'stasis')
    await guest.boot()
    const machine = await commandLineOf(guest.commands.env['STASIS_STATE_DIR'] ?? '', guest.name)
    await guest.end()
    await using made = new AsyncDisposableStack()
    const ways = [
      stasisWay(setting, guest, {
        name: 'uncompressed',
        save: ['--parallel-compression', 'none'],
        restores: setting.mapsInPlace ? { map: ['--mode', 'map'] } : {},
      }),
      stasisWay(setting, guest, {
        name: 'zstd adaptive',
        save: ['--parallel-compression', 'zstd'],
        restores: BACK,
      }),
      ...made.use(await hugeWays(setting)).ways,
    ]
    const stack = made.move()
    const scenarios: Scenario[] = [
      { name: QEMU_START, measure: () => startAlone(setting.directory, machine) },
      {
        name: 'stasis start, empty',
        async measure() {
          const cost = await guest.boot()
          await guest.end()
          return {
            ...{ seconds: cost.wallMs / 1000, outputSeconds: (cost.outputMs ?? 0) / 1000 },
            processorSeconds: cost.processorMs / 1000,
          }
        },
      },
      ...restoreScenarios(ways, setting),
    ]
    return { scenarios, [Symbol.asyncDispose]: () => stack.disposeAsync() }
  },
}

const BACK = {
  lazy: ['--mode', 'lazy'],
  'lazy --wait memory': ['--mode', 'lazy', '--wait', 'memory'],
  load: ['--mode', 'load'],
} as const

/** The same for a guest whose memory is in huge pages, each of which a lazy restore brings as a whole. None if none is chosen, or the host cannot set so many aside. */
async function hugeWays(
  setting: BenchSetting,
): Promise<AsyncDisposable & { readonly ways: readonly Way[] }> {
  const name = 'zstd adaptive, huge pages'
  const none = { ways: [], [Symbol.asyncDispose]: () => Promise.resolve() }
  if (!scenarioNames('stasis', name, Object.keys(BACK)).some(setting.isChosen)) return none
  const held = await holdHugePages(setting.ramBytes)
  if (typeof held === 'string') {
    console.error(`without huge pages: ${held}`)
    return none
  }
  const guest = await stasisGuest(setting, checkout, 'stasis', { hugePages: true })
  const save = ['--parallel-compression', 'zstd']
  return {
    ways: [stasisWay(setting, guest, { name, save, restores: BACK })],
    [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
  }
}

/** The same machine as Stasis starts, by QEMU alone. */
export const QEMU_START = 'qemu start, empty'
