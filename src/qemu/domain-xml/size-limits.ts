/** The largest domain XML that is accepted, in bytes. Real ones have a few KiB. */
export const MAX_DOMAIN_XML_BYTES: number = 16 * 1024 * 1024

/** Deeper nesting than any domain XML has; guards the recursive walks. */
const MAX_DEPTH = 64

/** More elements than any domain XML has; keeps every later step short. */
const MAX_ELEMENTS = 50_000

/** Constructs that may contain any bracket. */
const OPAQUE: readonly (readonly [string, string])[] = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
]

/** The offset of the first tag that is one too many or nested too deeply, or -1. One pass for any text. */
export function findExcess(text: string): number {
  let depth = 0
  let elements = 0
  for (let at = text.indexOf('<'); at >= 0;) {
    const end = endOfMarkup(text, at)
    if (end < 0) return -1
    if (text[at + 1] === '/') depth--
    else if (text[at + 1] !== '!' && text[at + 1] !== '?') {
      elements++
      if (text[end - 2] !== '/') depth++
    }
    if (depth > MAX_DEPTH || elements > MAX_ELEMENTS) return at
    at = text.indexOf('<', end)
  }
  return -1
}

/** The offset after the comment, tag or other construct that begins at `start`; -1 when it has no end. */
function endOfMarkup(text: string, start: number): number {
  for (const [open, close] of OPAQUE) {
    if (!text.startsWith(open, start)) continue
    const at = text.indexOf(close, start + open.length)
    return at < 0 ? -1 : at + close.length
  }
  for (let at = start + 1; at < text.length; at++) {
    const one = text[at]
    if (one === '>') return at + 1
    if (one !== '"' && one !== "'") continue
    at = text.indexOf(one, at + 1)
    if (at < 0) return -1
  }
  return -1
}
