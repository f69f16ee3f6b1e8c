import type { ImageError } from '../../errors.ts'
import { badChunk, badChunks } from './check-chunks.ts'
import type { FoundDigest } from './find-digest.ts'

/** A check for `readAhead` against the digest beside an image, if it has one. Faults go to `onFault`, if there is one, and otherwise end the reading. */
export function digestCheck(
  path: string,
  found: FoundDigest,
  onFault: ((fault: ImageError) => void) | undefined,
): ((bytes: Uint8Array, offset: number) => void) | undefined {
  if (found.state !== 'fits') return undefined
  const { digest } = found
  return (bytes, offset) => {
    for (const chunk of badChunks(digest, bytes, offset)) {
      const fault = badChunk(path, chunk)
      if (onFault === undefined) throw fault
      onFault(fault)
    }
  }
}
