import type { Element } from '@xmldom/xmldom'
import { child, children, childText, wholeText } from '../../access.ts'
import { invalid } from '../../location.ts'

/** Limits that several disks share. */
export interface ThrottleGroup {
  readonly name: string
  /** By QEMU's names (qapi/block-core.json `ThrottleLimits`). */
  readonly limits: Readonly<Record<string, number>>
}

const LIMITS: readonly (readonly [string, string])[] = [
  ['total_bytes_sec', 'bps-total'],
  ['read_bytes_sec', 'bps-read'],
  ['write_bytes_sec', 'bps-write'],
  ['total_iops_sec', 'iops-total'],
  ['read_iops_sec', 'iops-read'],
  ['write_iops_sec', 'iops-write'],
  ['total_bytes_sec_max', 'bps-total-max'],
  ['read_bytes_sec_max', 'bps-read-max'],
  ['write_bytes_sec_max', 'bps-write-max'],
  ['total_iops_sec_max', 'iops-total-max'],
  ['read_iops_sec_max', 'iops-read-max'],
  ['write_iops_sec_max', 'iops-write-max'],
  ['size_iops_sec', 'iops-size'],
  ['total_bytes_sec_max_length', 'bps-total-max-length'],
  ['read_bytes_sec_max_length', 'bps-read-max-length'],
  ['write_bytes_sec_max_length', 'bps-write-max-length'],
  ['total_iops_sec_max_length', 'iops-total-max-length'],
  ['read_iops_sec_max_length', 'iops-read-max-length'],
  ['write_iops_sec_max_length', 'iops-write-max-length'],
]

/** Reads the `<throttlegroups>` of a domain. */
export function readThrottleGroups(element: Element | undefined): readonly ThrottleGroup[] {
  if (element === undefined) return []
  return children(element, 'throttlegroup').map((group) => {
    const name = childText(group, 'group_name')?.trim()
    if (name === undefined || !/^[\w.+-]+$/.test(name))
      throw invalid(group, 'its <group_name> is missing, or is not a valid name')
    const limits = LIMITS.flatMap(([from, to]) => {
      const limit = child(group, from)
      return limit === undefined ? [] : [[to, wholeText(limit)]]
    })
    return { name, limits: Object.fromEntries(limits) as Readonly<Record<string, number>> }
  })
}
