import { bedObstacle } from '../../test/support/libvirt-bed.ts'
import type { BenchSetting } from '../setting.ts'
import { stasisWays } from './commands/stasis-ways.ts'
import { VIRSH_WAYS, virshWays } from './commands/virsh-ways.ts'
import { qemuWays } from './qemu/qemu-ways.ts'
import { type Way, scenarioNames } from './way.ts'

/** Ways to save and restore, and the libvirts that end with their scope. */
export interface AllWays extends AsyncDisposable {
  readonly ways: readonly Way[]
}

/** Every way that can be measured here: QEMU's own, ours, and those of real libvirts as root. */
export async function allWays(setting: BenchSetting): Promise<AllWays> {
  await using made = new AsyncDisposableStack()
  const ways = [...(await stasisWays(setting)), ...qemuWays(setting)]
  const obstacle = bedObstacle()
  if (obstacle !== undefined) console.error(`without virsh: ${obstacle}`)
  else
    for (const version of ['9.0', '11.3'] as const) {
      const names = VIRSH_WAYS[version].flatMap(({ name, restores }) =>
        scenarioNames(`virsh ${version}`, name, Object.keys(restores)),
      )
      // Only one user at a time has a libvirt.
      if (names.some((name) => setting.isChosen(name)))
        ways.push(...made.use(await virshWays(setting, version)).ways)
    }
  const stack = made.move()
  return { ways, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() }
}
