import { bedObstacle } from '../../test/support/libvirt-bed.ts'
import { stasisWays } from '../peers/commands/stasis-ways.ts'
import { VIRSH_WAYS, format, virshWays } from '../peers/commands/virsh-ways.ts'
import { restoreScenarios, saveScenarios } from '../peers/way.ts'
import type { Suite } from './suite.ts'

const FORMATS = ['raw', 'gzip', 'bzip2', 'xz', 'lzop', 'zstd', 'sparse'] as const
const LOAD = { load: ['--mode', 'load'] } as const

/** Every format of libvirt, by Stasis and by virsh. `xz` and `bzip2` take minutes for each GiB. */
export const formatsSuite: Suite = {
  ...{ rounds: 1, usesRam: true, images: () => 16 },
  about:
    'saves and restores in every format of libvirt, by Stasis and by virsh; xz and bzip2 are slow',
  async open(setting) {
    const ways = [
      ...(await stasisWays(
        setting,
        FORMATS.map((name) => ({ name, save: ['--format', name], restores: LOAD })),
      )),
    ]
    const obstacle = bedObstacle()
    if (obstacle !== undefined) throw new Error(obstacle)
    const direct = VIRSH_WAYS['11.3'].filter(({ name }) => name.startsWith('sparse'))
    const virsh = await virshWays(setting, '11.3', [...FORMATS.map(format), ...direct])
    ways.push(...virsh.ways)
    return {
      scenarios: [...saveScenarios(ways, setting), ...restoreScenarios(ways, setting)],
      [Symbol.asyncDispose]: () => virsh[Symbol.asyncDispose](),
    }
  },
}
