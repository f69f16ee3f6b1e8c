import { DomainXmlError } from '../../../errors.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import { object } from '../arguments.ts'

/** The name of a group of disks that are limited together. */
export function throttleId(group: string): string {
  return `throttle-${group}`
}

/** The groups of disks that are limited together. */
export function throttleArguments({ throttleGroups, disks }: Domain): readonly string[] {
  const names = new Set(throttleGroups.map(({ name }) => name))
  for (const disk of disks)
    for (const group of disk.throttleGroups)
      if (!names.has(group))
        throw new DomainXmlError('XML_INVALID', `${disk.place}: there is no group "${group}"`)
  return throttleGroups.flatMap(({ name, limits }) =>
    object({ 'qom-type': 'throttle-group', id: throttleId(name), limits }),
  )
}
