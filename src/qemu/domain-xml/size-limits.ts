import { tagsOf } from './tags.ts'

/** The largest domain XML that is accepted, in bytes. Real ones have a few KiB. */
export const MAX_DOMAIN_XML_BYTES: number = 16 * 1024 * 1024

/** Deeper nesting than any domain XML has; guards the recursive walks. */
const MAX_DEPTH = 64

/** More elements than any domain XML has; keeps every later step short. */
const MAX_ELEMENTS = 50_000

/** The offset of the first tag that is one too many or nested too deeply, or -1. One pass for any text. */
export function findExcess(text: string): number {
  let depth = 0
  let elements = 0
  for (const { kind, start } of tagsOf(text)) {
    if (kind !== 'closes') elements++
    if (kind === 'opens') depth++
    if (kind === 'closes') depth--
    if (depth > MAX_DEPTH || elements > MAX_ELEMENTS) return start
  }
  return -1
}
