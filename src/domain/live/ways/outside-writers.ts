import { type LiveGuest, deviceTypes } from './live-guest.ts'
import type { LiveObstacle } from './live-way.ts'

/** Other writers to the memory of the guest, which do not stop with its processors, and from which QEMU cannot protect memory. */
export async function outsideWriters({
  control,
  record,
}: LiveGuest): Promise<readonly Pick<LiveObstacle, 'code' | 'reason'>[]> {
  const types = [...(await deviceTypes(control)), ...record.commandLine]
  const has = (pattern: RegExp): string | undefined => types.find((type) => pattern.test(type))
  const found: Pick<LiveObstacle, 'code' | 'reason'>[] = []
  if (has(/vhost-user/) !== undefined)
    found.push({ code: 'VHOST_USER', reason: 'a vhost-user process writes to the guest’s memory' })
  if (has(/^(?:ivshmem|.*"driver":"ivshmem)/) !== undefined)
    found.push({ code: 'SHARED_MEMORY', reason: 'other guests write to its ivshmem memory' })
  if (has(/vfio/) !== undefined)
    found.push({ code: 'HOST_DEVICE', reason: 'a device of the host writes to the guest’s memory' })
  return found
}
