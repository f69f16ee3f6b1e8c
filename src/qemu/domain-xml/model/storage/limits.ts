import type { Element } from '@xmldom/xmldom'
import { child, childText, wholeText } from '../../access.ts'

/** libvirt's names, and those of QEMU's command `block_set_io_throttle` (qapi/block-core.json). */
const RATES: Readonly<Record<string, string>> = {
  total_bytes_sec: 'bps',
  read_bytes_sec: 'bps_rd',
  write_bytes_sec: 'bps_wr',
  total_iops_sec: 'iops',
  read_iops_sec: 'iops_rd',
  write_iops_sec: 'iops_wr',
}

/** Reads the `<iotune>` of a disk: rates, which are 0 where there is no limit, the most that a burst may have, and how long it may last. */
export function readLimits(
  element: Element | undefined,
): Readonly<Record<string, number | string>> | undefined {
  if (element === undefined) return undefined
  const limits: Record<string, number | string> = {}
  const take = (from: string, to: string): void => {
    const limit = child(element, from)
    if (limit !== undefined) limits[to] = wholeText(limit)
  }
  for (const [from, to] of Object.entries(RATES)) {
    limits[to] = 0
    take(from, to)
    take(`${from}_max`, `${to}_max`)
    take(`${from}_max_length`, `${to}_max_length`)
  }
  take('size_iops_sec', 'iops_size')
  const group = childText(element, 'group_name')?.trim()
  return group === undefined || group === '' ? limits : { ...limits, group }
}
