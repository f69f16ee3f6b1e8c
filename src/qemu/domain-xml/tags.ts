/** A tag of an XML text. */
export interface Tag {
  readonly kind: 'opens' | 'closes' | 'empty'
  /** The offset of its `<`. */
  readonly start: number
  /** The offset after its `>`. */
  readonly end: number
}

/** Constructs that may contain any bracket. */
const OPAQUE: readonly (readonly [string, string])[] = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
]

/** The tags of an XML text in their order, up to the first construct that has no end. One pass for any text; nothing is checked. */
export function* tagsOf(text: string): Generator<Tag> {
  for (let start = text.indexOf('<'); start >= 0;) {
    const end = endOfMarkup(text, start)
    if (end < 0) return
    const first = text[start + 1]
    if (first === '/') yield { kind: 'closes', start, end }
    else if (first !== '!' && first !== '?')
      yield { kind: text[end - 2] === '/' ? 'empty' : 'opens', start, end }
    start = text.indexOf('<', end)
  }
}

/**
 * The text of the first child of the root element that has this name, as it is written; `undefined` when there is none. For many short texts: a
 * parser takes a hundred times as long to load.
 */
export function textOfRootChild(text: string, name: string): string | undefined {
  let depth = 0
  for (const { kind, start, end } of tagsOf(text)) {
    if (depth === 1 && kind === 'opens' && isNamed(text, start, name)) {
      const close = text.indexOf('<', end)
      return close < 0 ? undefined : text.slice(end, close)
    }
    if (kind === 'opens') depth += 1
    if (kind === 'closes') depth -= 1
  }
  return undefined
}

function isNamed(text: string, start: number, name: string): boolean {
  const after = start + 1 + name.length
  return text.startsWith(name, start + 1) && /[\s>]/.test(text[after] ?? '')
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
