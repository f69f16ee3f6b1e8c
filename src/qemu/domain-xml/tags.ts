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
 * The text of the first child of the root element that has this name; `undefined` when there is none. For one value out of many texts: a parser
 * takes a hundred times as long to load. Nothing is checked.
 */
export function textOfRootChild(text: string, name: string): string | undefined {
  const tag = rootChild(text, name)
  if (tag?.kind === 'empty') return ''
  return tag === undefined ? undefined : textFrom(text, tag.end)
}

/** The XML with another text in the first child of the root element that has this name; as it is when there is none. `value` is plain text. */
export function withTextOfRootChild(text: string, name: string, value: string): string {
  const tag = rootChild(text, name)
  const close = tag?.kind === 'opens' ? text.indexOf(`</${name}`, tag.end) : -1
  if (tag === undefined || close < 0) return text
  const escaped = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return text.slice(0, tag.end) + escaped + text.slice(close)
}

/** The tag that opens the first child of the root element with this name, as it is written; `undefined` when there is none. */
export function tagOfRootChild(text: string, name: string): string | undefined {
  const tag = rootChild(text, name)
  return tag === undefined ? undefined : text.slice(tag.start, tag.end)
}

function rootChild(text: string, name: string): Tag | undefined {
  let depth = 0
  for (const tag of tagsOf(text)) {
    if (depth === 1 && tag.kind !== 'closes' && isNamed(text, tag.start, name)) return tag
    if (tag.kind === 'opens') depth += 1
    if (tag.kind === 'closes') depth -= 1
  }
  return undefined
}

const CDATA = '<![CDATA['

/** The text of an element whose content begins at `at`, up to its first tag. */
function textFrom(text: string, at: number): string {
  let found = ''
  for (;;) {
    const next = text.indexOf('<', at)
    if (next < 0) return found
    found += decoded(text.slice(at, next))
    const end = endOfMarkup(text, next)
    if (end < 0) return found
    if (text.startsWith(CDATA, next)) found += text.slice(next + CDATA.length, end - ']]>'.length)
    else if (text[next + 1] !== '!' && text[next + 1] !== '?') return found
    at = end
  }
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])

/** With the entities of XML itself resolved; a domain XML can have no others. */
function decoded(text: string): string {
  return text.replace(
    /&(?:#(?<decimal>\d+)|#x(?<hex>[\da-f]+)|(?<name>\w+));/gi,
    (found, ...more) => {
      const { decimal, hex, name } = more.at(-1) as Readonly<Record<string, string | undefined>>
      const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
      if (name === undefined) return code <= 0x10ffff ? String.fromCodePoint(code) : found
      return ENTITIES.get(name) ?? found
    },
  )
}

function isNamed(text: string, start: number, name: string): boolean {
  const after = start + 1 + name.length
  return text.startsWith(name, start + 1) && /[\s/>]/.test(text[after] ?? '')
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
