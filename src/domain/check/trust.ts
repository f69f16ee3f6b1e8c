import type { AllowOptions } from '../trust/allow-rules.ts'
import { type Suspect, describeReach, permissionFor, untrustedReaches } from '../trust/trust.ts'
import type { Directories } from '../store/directories.ts'
import { type Finding, fault } from './finding.ts'

/** What an image asks of this host that is not allowed, one finding each. Runs and opens nothing that the image names. */
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
