import type { Scenario } from '../rounds/measurement.ts'
import { checkout, stasisGuest } from '../peers/commands/stasis-commands.ts'
import { stasisWay } from '../peers/commands/stasis-ways.ts'
import { commandLineOf, startAlone } from '../peers/qemu/start-alone.ts'
import { restoreScenarios } from '../peers/way.ts'
import { type Suite, withoutEnd } from './suite.ts'

/** How soon a guest runs, prints and has all its memory. */
export const instantSuite: Suite = {
  ...{ rounds: 3, usesRam: true, images: () => 2 },
  about: 'restores without waiting for memory, beside a start with empty memory',
  async open(setting) {
    const guest = await stasisGuest(setting, checkout, 'stasis')
    await guest.boot()
    const machine = await commandLineOf(guest.commands.env['STASIS_STATE_DIR'] ?? '', guest.name)
    await guest.end()
    const ways = [
      stasisWay(setting, guest, {
        name: 'uncompressed',
        save: ['--parallel-compression', 'none'],
        restores: setting.mapsInPlace ? { map: ['--mode', 'map'] } : {},
      }),
      stasisWay(setting, guest, {
        name: 'zstd adaptive',
        save: ['--parallel-compression', 'zstd'],
        restores: {
          lazy: ['--mode', 'lazy'],
          'lazy --wait memory': ['--mode', 'lazy', '--wait', 'memory'],
          load: ['--mode', 'load'],
        },
      }),
    ]
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
    return withoutEnd(scenarios)
  },
}

/** The same machine as Stasis starts, by QEMU alone. */
export const QEMU_START = 'qemu start, empty'
