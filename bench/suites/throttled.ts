import { bedObstacle } from '../../test/support/libvirt-bed.ts'
import { ThrottledDisk } from '../host/throttled-disk.ts'
import { stasisWays } from '../peers/commands/stasis-ways.ts'
import { SPARSE, format, virshWays } from '../peers/commands/virsh-ways.ts'
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
    await using made = new AsyncDisposableStack()
    const disk = made.use(await ThrottledDisk.make(setting.directory, filledBytes(setting) * 2))
    const there = { ...setting, directory: disk.directory }
    const ways = [...(await stasisWays(there)), mappedDirectWay(there, CHANNELS)]
    const theirs = [SPARSE, format('zstd')].filter(({ name }) =>
      RATES_MB.some((rate) => setting.isChosen(`virsh 11.3 save, ${name}, ${rate} MB/s`)),
    )
    const obstacle = bedObstacle()
    if (obstacle !== undefined) console.error(`without virsh: ${obstacle}`)
    else if (theirs.length > 0) ways.push(...made.use(await virshWays(there, '11.3', theirs)).ways)
    const stack = made.move()
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
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
  },
}
