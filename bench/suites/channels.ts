import { stasisWays } from '../peers/commands/stasis-ways.ts'
import { mappedDirectWay } from '../peers/qemu/qemu-ways.ts'
import { type Way, saveScenarios } from '../peers/way.ts'
import type { Scenario } from '../rounds/measurement.ts'
import type { BenchSetting } from '../setting.ts'
import { type Suite, withoutEnd } from './suite.ts'

/** Saves over 1 to 64 channels, or those of `--channels`. */
export const channelsSuite: Suite = {
  ...{ rounds: 2, usesRam: true, images: () => 1 },
  about: 'saves over 1 to 64 channels',
  async open(setting) {
    const scenarios = []
    for (const codec of ['none', 'zstd'] as const) {
      const ways = await stasisWays(
        setting,
        setting.channels.map((count) => ({
          name: `${codec}, ${count} channels`,
          save: ['--parallel-compression', codec, '--parallel-connections', `${count}`],
          restores: {},
        })),
      )
      const series = codec === 'none' ? 'uncompressed' : 'zstd adaptive'
      scenarios.push(...points(ways, setting, series))
    }
    const own = setting.channels.map((count) => {
      const way = mappedDirectWay(setting, count)
      return { ...way, name: `${way.name}, ${count} channels` }
    })
    return withoutEnd([...scenarios, ...points(own, setting, 'mapped-ram + multifd + direct-io')])
  },
}

/** The scenarios of one curve for each program; there is a way for each number of channels. */
function points(ways: readonly Way[], setting: BenchSetting, series: string): readonly Scenario[] {
  return saveScenarios(ways, setting).map((scenario, index) => ({
    ...scenario,
    point: {
      series: `${ways[index]?.peer}, ${series}`,
      x: setting.channels[index % setting.channels.length] ?? 0,
    },
  }))
}
