import { type BedVersion } from '../../../test/support/libvirt-bed.ts'
import type { BenchSetting } from '../../setting.ts'
import type { Way } from '../way.ts'
import { type WayOptions, commandWay } from './command-ways.ts'
import { virshGuest } from './virsh-commands.ts'

const DIRECT = ['--parallel-channels', '4', '--bypass-cache'] as const
const PLAIN = { restore: [] } as const

/** The fastest way of virsh. */
export const SPARSE: WayOptions = {
  name: 'sparse, 4 channels, past the cache',
  save: ['--image-format', 'sparse', ...DIRECT],
  restores: { 'restore with 4 channels past the cache': DIRECT },
}

/** What the suites for saves and restores measure. */
export const VIRSH_WAYS: Readonly<Record<BedVersion, readonly WayOptions[]>> = {
  '9.0': [{ name: 'raw', save: [], restores: PLAIN, mostRounds: 1 }],
  '11.3': [{ ...format('raw'), mostRounds: 1 }, format('zstd'), SPARSE],
}

/** The ways of a libvirt, which ends with its scope. */
export interface VirshWays extends AsyncDisposable {
  readonly ways: readonly Way[]
}

/** The ways of a real libvirt of a version. */
export async function virshWays(
  setting: BenchSetting,
  version: BedVersion,
  options: readonly WayOptions[] = VIRSH_WAYS[version],
): Promise<VirshWays> {
  const { guest, [Symbol.asyncDispose]: dispose } = await virshGuest(setting, version)
  const none = () => ({})
  return {
    ways: options.map((one) => commandWay(setting, guest, one, { save: none, restore: none })),
    [Symbol.asyncDispose]: dispose,
  }
}

/** `virsh save --image-format`, which libvirt has since 11.3; older ones have it in `qemu.conf`. */
export function format(name: string): WayOptions {
  return { name, save: ['--image-format', name], restores: PLAIN }
}
