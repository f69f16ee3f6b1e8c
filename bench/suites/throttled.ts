import { ThrottledDisk } from '../host/throttled-disk.ts'
import { stasisWays } from '../peers/commands/stasis-ways.ts'
import { CHANNELS, mappedDirectWay } from '../peers/qemu/qemu-ways.ts'
import { saveScenarios } from '../peers/way.ts'
import { filledBytes } from '../setting.ts'
import type { Suite } from './suite.ts'

const RATES_MB = [200, 500] as const

/** Saves to a disk that is slower than the one of this machine. */
export const throttledSuite: Suite = {
  ...{ rounds: 2, usesRam: true, images: () => 3 },
  about: `saves to a disk that writes ${RATES_MB.join(' or ')} MB/s`,
  async open(setting) {
    const disk = await ThrottledDisk.make(setting.directory, filledBytes(setting) * 2)
    const there = { ...setting, directory: disk.directory }
    const ways = [...(await stasisWays(there)), mappedDirectWay(there, CHANNELS)]
    return {
      scenarios: RATES_MB.flatMap((rate) =>
        saveScenarios(ways, there).map(({ name, measure }) => ({
          name: `${name}, ${rate} MB/s`,
          measure: () => {
            disk.limit(rate * 1e6)
            return measure()
          },
        })),
      ),
      [Symbol.asyncDispose]: () => disk[Symbol.asyncDispose](),
    }
  },
}
