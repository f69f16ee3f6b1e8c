import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { stasisWays } from '../peers/commands/stasis-ways.ts'
import { CHANNELS, mappedDirectWay } from '../peers/qemu/qemu-ways.ts'
import { type Way, removeImages, restoreScenarios, saveScenarios } from '../peers/way.ts'
import type { Scenario } from '../rounds/measurement.ts'
import type { BenchSetting } from '../setting.ts'
import type { Suite } from './suite.ts'

/** Saves and loads on one processor, and on 2, 4, 8, … up to all that there are. QEMU and the commands share them. */
export const processorsSuite: Suite = {
  ...{ rounds: 2, usesRam: true, images: () => counts().length * 4 },
  about: 'saves and loads on one processor and on more',
  async open(setting) {
    const kept = { ...setting, keepsImages: true }
    const groups: (readonly Way[])[] = []
    for (const count of counts()) groups.push(await waysOn(count, kept))
    return {
      scenarios: [saveScenarios, restoreScenarios].flatMap((scenariosOf) =>
        groups.flatMap((ways) => besideLast(scenariosOf(ways, kept))),
      ),
      [Symbol.asyncDispose]: () => removeImages(groups.flat(), kept),
    }
  },
}

/** Scenarios that are compared with the last of them, which is QEMU's own. */
function besideLast(scenarios: readonly Scenario[]): readonly Scenario[] {
  const peer = scenarios.at(-1)?.name
  return scenarios.map((scenario) => ({ ...scenario, ...(peer && { peer }) }))
}

async function waysOn(count: number, setting: BenchSetting): Promise<readonly Way[]> {
  const directory = join(setting.directory, `on-${count}`)
  await mkdir(directory, { recursive: true })
  const limited = { ...setting, directory, processors: count }
  const ways = [...(await stasisWays(limited)), mappedDirectWay(limited, CHANNELS)]
  const suffix = count === 1 ? '1 processor' : `${count} processors`
  return ways.map((way) => ({
    ...way,
    name: `${way.name}, ${suffix}`,
    restores: way.restores.filter(({ name }) => name === 'load'),
  }))
}

function counts(): readonly number[] {
  const all = availableParallelism()
  const found: number[] = []
  for (let count = 1; count < all; count *= 2) found.push(count)
  return [...found, all]
}
