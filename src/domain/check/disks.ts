import type { MachineDescription } from '../../image/saved-machine.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { disksInCookie } from '../cookie/disk-cookie.ts'
import type { Directories } from '../store/directories.ts'
import { changeOfDisks, writableDisks } from '../store/disks/disk-identity.ts'
import { historyOf } from '../store/saves/image-history.ts'
import { type Finding, fault } from './finding.ts'

/** Checks whether the disks are as the save left them. It reads them, so it is only for an image that may use them. @throws StorageError */
export async function checkDisks(
  domain: Domain,
  description: MachineDescription,
  directories: Directories,
): Promise<readonly Finding[]> {
  const history = await historyOf(directories, description)
  const known = history?.disks ?? disksInCookie(description.cookie)
  const change = known && (await changeOfDisks(known, writableDisks(domain)))
  if (change === undefined) return []
  return [
    fault(
      'DISKS',
      `The image is older than its disks: ${change}`,
      'Memory and disks would not match. Put the disks back as they were at the save; `stasis restore --force` restores the image all the same',
    ),
  ]
}
