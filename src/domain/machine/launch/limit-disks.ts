import { diskNodeName } from '../../../qemu/command-line/storage/disk-nodes.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import type { QmpConnection } from '../../../qmp/connection.ts'

/**
 * Limits the disks of a machine as its XML says. A drive without a medium has no limits.
 * @throws QemuError when QEMU refuses
 */
export async function limitDisks(
  control: QmpConnection,
  { disks }: Pick<Domain, 'disks'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const nodes = new Map(
    disks.map((disk, index) => [diskNodeName(disk, index), disk.limits] as const),
  )
  if ([...nodes.values()].every((limits) => limits === undefined)) return
  for (const { qdev, inserted } of await control.execute('query-block', {}, { signal })) {
    const limits = nodes.get(inserted?.['node-name'] ?? '')
    if (limits === undefined || qdev === undefined) continue
    await control.execute('block_set_io_throttle', { id: qdev, ...limits }, { signal })
  }
}
