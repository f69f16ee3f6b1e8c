import { neededFiles, unusableFiles } from '../catalogue/files/needed-files.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { type Finding, fault, right } from './finding.ts'

/** Checks whether the files of a domain (disks, kernel, firmware, logs) exist and can be used as the domain uses them. */
export async function checkFiles(domain: Domain): Promise<readonly Finding[]> {
  const needed = neededFiles(domain)
  const faults = (await unusableFiles(needed)).map(({ text, missing }) =>
    fault(
      'FILES',
      text,
      missing
        ? 'Put the file back, or give another path with --xml (or change it in the image with `stasis save-image-edit`)'
        : 'Check the owner and the mode of the file and of the directories above it',
    ),
  )
  if (faults.length > 0) return faults
  return [right('FILES', `No file of the domain is missing (${needed.length} checked)`)]
}
