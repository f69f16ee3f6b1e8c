import { messageOf } from '../../errors.ts'

/** The warning about an image whose digest could not be written. */
export function noDigest(path: string, error: unknown): string {
  return `${path} is complete, but has no digest: ${messageOf(error)}`
}
