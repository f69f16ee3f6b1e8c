import type { AllowOptions } from '../trust/allow-rules.ts'
import { type Suspect, describeReach, permissionFor, untrustedReaches } from '../trust/trust.ts'
import type { Directories } from '../store/directories.ts'
import { type Finding, fault } from './finding.ts'

/** One finding for each thing of this host that an image asks for without permission. Runs and opens nothing that the image names. */
export async function checkTrust(
  suspect: Suspect,
  directories: Directories,
  options: AllowOptions,
): Promise<readonly Finding[]> {
  const beyond = await untrustedReaches(suspect, directories, options)
  return beyond.map((reach) =>
    fault(
      'TRUST',
      `The image was not saved on this host in this form, and asks for ${describeReach(reach)}`,
      `If you trust it: ${permissionFor(reach)}`,
    ),
  )
}
