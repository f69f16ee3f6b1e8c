import { type BedVersion, bedObstacle } from '../../test/support/libvirt-bed.ts'
import type { BenchSetting } from '../setting.ts'
import { allStasisWays, stasisNames } from './commands/stasis-ways.ts'
import { VIRSH_WAYS, virshWays } from './commands/virsh-ways.ts'
import { qemuNames, qemuWays } from './qemu/qemu-ways.ts'
import { type Way, scenarioNames } from './way.ts'

const VERSIONS = ['9.0', '11.3'] as const

/** Ways to save and restore, and the libvirts that end with their scope. */
export interface AllWays extends AsyncDisposable {
  readonly ways: readonly Way[]
}

/** The most images that are kept at a time: one for each way, and one that is being written. */
export function imagesOfWays(isChosen: BenchSetting['isChosen']): number {
  const names = [...stasisNames(), ...qemuNames(), ...VERSIONS.flatMap(virshNames)]
  return names.filter((ofWay) => ofWay.some(isChosen)).length + 1
}

/** Every way that can be measured here: QEMU's own, ours, and those of real libvirts as root. */
export async function allWays(setting: BenchSetting): Promise<AllWays> {
  await using made = new AsyncDisposableStack()
  const ways = [...(await allStasisWays(setting)), ...qemuWays(setting)]
  const obstacle = bedObstacle()
  if (obstacle !== undefined) console.error(`without virsh: ${obstacle}`)
  else
    for (const version of VERSIONS) {
      // Only one user at a time has a libvirt.
      if (virshNames(version).flat().some(setting.isChosen))
        ways.push(...made.use(await virshWays(setting, version)).ways)
    }
  const stack = made.move()
  return { ways, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() }
}

function virshNames(version: BedVersion): readonly (readonly string[])[] {
  return VIRSH_WAYS[version].map(({ name, restores }) =>
    scenarioNames(`virsh ${version}`, name, Object.keys(restores)),
  )
}
