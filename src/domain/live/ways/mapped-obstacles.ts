import { type PlacedBlock, placedBlocks } from '../../../migration/ram-blocks.ts'
import { hostMemory } from '../../../qemu/host-facts.ts'
import { PrivateRam, type PrivateRamCode } from '../../../transfer/live/private-ram.ts'
import type { LiveGuest } from './live-guest.ts'
import type { LiveObstacle, LiveObstacleCode } from './live-way.ts'
import { outsideWriters } from './outside-writers.ts'

/** The most memory of a guest that is copied while it is stopped: half a second, and our memory. */
const MOST_COPIED = 512 * 2 ** 20

const CODES: Readonly<Record<PrivateRamCode, LiveObstacleCode>> = {
  NOT_MAPPED: 'NOT_MAPPED',
  NOT_FOUND: 'QEMU_LACKS_IT',
  IMAGE_IN_USE: 'IMAGE_IN_USE',
  NO_PRIVILEGE: 'NO_PRIVILEGE',
  TOO_MUCH_CHANGED: 'TOO_MUCH_CHANGED',
}

/** Why `mapped` cannot be used for this guest; empty if it can. @throws QemuError QEMU_DIED */
export async function mappedObstacles(guest: LiveGuest): Promise<readonly LiveObstacle[]> {
  const way = 'mapped'
  const opened = await openMappedRam(guest)
  if (!(opened instanceof PrivateRam)) return [{ way, ...opened }]
  opened[Symbol.dispose]()
  return (await outsideWriters(guest)).map((obstacle) => ({ way, ...obstacle }))
}

/** Opens the memory of a guest whose memory is a private mapping of a file. @throws QemuError QEMU_DIED */
export async function openMappedRam({
  control,
  record,
}: Pick<LiveGuest, 'control' | 'record'>): Promise<PrivateRam | Omit<LiveObstacle, 'way'>> {
  const blocks: readonly PlacedBlock[] | undefined = await placedBlocks(control)
  if (blocks === undefined)
    return { code: 'QEMU_LACKS_IT', reason: 'this QEMU does not tell where the memory is' }
  const { availableBytes } = await hostMemory()
  const ram = PrivateRam.open(record.pid, blocks, Math.min(MOST_COPIED, availableBytes / 4))
  return ram instanceof PrivateRam ? ram : { code: CODES[ram.code], reason: ram.reason }
}
