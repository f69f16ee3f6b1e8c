import * as fc from 'fast-check'
import { EDGES, putInteger } from './edges.ts'

/** A number in a binary format. */
export interface Field {
  readonly at: number
  readonly width: 1 | 2 | 4 | 8
  readonly bigEndian?: boolean
}

/** Fields one after another from `at` on, by their widths. */
export function fieldsFrom(
  at: number,
  widths: readonly Field['width'][],
  order: { readonly bigEndian?: boolean } = {},
): readonly Field[] {
  let next = at
  return widths.map((width) => {
    next += width
    return { at: next - width, width, ...order }
  })
}

/** Numbers at the edges, and others. */
export const edge: fc.Arbitrary<bigint> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...EDGES) },
  { weight: 1, arbitrary: fc.bigInt(0n, (1n << 64n) - 1n) },
)

/** Texts that are hard to bear: empty, long, with control characters, halves of characters, other scripts, names of JavaScript. */
export const badText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\0',
    '\n',
    '\u001b[2J',
    '\ud800',
    '\u202e',
    '..',
    '/',
    '-1',
    '1e999',
    'NaN',
  ),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    'null',
    '0x10',
    '00',
    '&#0;',
    '%s',
    'a,b=c',
  ),
  fc.constantFrom(...EDGES.map(String)),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc
    .constantFrom('x', '\n', '€', '&lt;')
    .chain((unit) => fc.constantFrom(255, 256, 5000, 70_000).map((count) => unit.repeat(count))),
)

/**
 * Valid inputs with one to four numbers set to edges; some of them cut, or with a piece of themselves doubled or appended. `finish` makes checksums
 * right.
 */
export function fieldShapes(
  seeds: readonly Uint8Array[],
  fields: readonly Field[],
  finish: (input: Uint8Array) => Uint8Array = (input) => input,
): fc.Arbitrary<Uint8Array> {
  const edits = fc.array(fc.record({ field: fc.constantFrom(...fields), value: edge }), {
    minLength: 1,
    maxLength: 4,
  })
  const rest = fc.oneof(
    { weight: 6, arbitrary: fc.constant('whole' as const) },
    { weight: 1, arbitrary: fc.constant('cut' as const) },
    { weight: 1, arbitrary: fc.constant('doubled' as const) },
  )
  const at = fc.double({ min: 0, max: 1, noNaN: true })
  return fc
    .record({ seed: fc.constantFrom(...seeds), edits, rest, at, isFinished: fc.boolean() })
    .map(({ seed, edits: changes, rest: how, at: part, isFinished }) => {
      const bytes = Buffer.from(seed)
      for (const { field, value } of changes)
        putInteger(bytes, field.at, value, { bigEndian: false, ...field })
      const place = Math.floor(part * bytes.length)
      const changed = {
        whole: bytes,
        cut: bytes.subarray(0, place),
        doubled: Buffer.concat([bytes, bytes.subarray(place)]),
      }[how]
      return isFinished || how === 'whole' ? finish(changed) : changed
    })
}

/** Values that a JSON document may have where another one is expected. */
const badJson: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, false, 0, -1, 1.5, 1e308, 2 ** 31, 2 ** 53, 2 ** 63, '', [], {}),
  fc.constantFrom({ toString: 1, valueOf: 1 }, { length: -1 }, [null], [[]]),
  badText,
  fc.jsonValue({ maxDepth: 3 }),
)

/** JSON texts like the given ones, with one to three values replaced, removed or doubled. */
export function jsonShapes(seeds: readonly unknown[]): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({
    way: fc.constantFrom(
      'replace' as const,
      'replace' as const,
      'remove' as const,
      'nest' as const,
    ),
    at: fc.nat(1000),
    value: badJson,
  })
  const edits = fc.array(edit, { minLength: 1, maxLength: 3 })
  return fc.record({ seed: fc.constantFrom(...seeds), edits }).map(({ seed, edits: changes }) => {
    let value: unknown = structuredClone(seed)
    for (const { way, at, value: shared } of changes) {
      const bad = structuredClone(shared)
      const places = placesIn(value)
      const place = places[at % (places.length + 1)]
      if (place === undefined) value = way === 'nest' ? [value] : bad
      else if (way === 'remove') Reflect.deleteProperty(place.holder, place.key)
      else Reflect.set(place.holder, place.key, way === 'nest' ? { nested: bad } : bad)
    }
    return Buffer.from(JSON.stringify(value) ?? '')
  })
}

interface Place {
  readonly holder: object
  readonly key: string
}

function placesIn(value: unknown): readonly Place[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [
    { holder: value, key },
    ...placesIn(inner),
  ])
}

const TOKEN = /<[^>]*>|[^<]+/g
const ATTRIBUTE = /([\w:-]+)=(?:'[^']*'|"[^"]*")/g

/** XML texts like the given ones: values of attributes and texts replaced, elements removed, doubled, moved and nested. */
export function xmlShapes(seeds: readonly string[]): fc.Arbitrary<Uint8Array> {
  const tokens = seeds.map((seed) => seed.match(TOKEN) ?? [])
  const attributes = [...new Set(seeds.flatMap((seed) => seed.match(ATTRIBUTE) ?? []))]
  const edit = fc.record({
    way: fc.constantFrom('value', 'value', 'attribute', 'remove', 'double', 'move', 'text', 'nest'),
    at: fc.nat(10_000),
    to: fc.nat(10_000),
    text: badText,
    attribute: fc.constantFrom(...attributes),
  })
  const edits = fc.array(edit, { minLength: 1, maxLength: 4 })
  return fc.record({ seed: fc.constantFrom(...tokens), edits }).map(({ seed, edits: changes }) => {
    const list = [...seed]
    for (const { way, at, to, text, attribute } of changes) {
      const place = at % Math.max(1, list.length)
      const token = list[place] ?? ''
      const [start, end] = elementAt(list, place)
      const element = list.slice(start, end)
      const escaped = text
        .replaceAll('&', '&amp;')
        .replaceAll('<', '&lt;')
        .replaceAll("'", '&apos;')
      if (way === 'value') list[place] = withValue(token, escaped, to)
      else if (way === 'attribute') list[place] = token.replace(/(\/?>)$/, ` ${attribute}$1`)
      else if (way === 'text' && !token.startsWith('<')) list[place] = escaped
      else if (way === 'remove') list.splice(start, end - start)
      else if (way === 'double') list.splice(end, 0, ...element)
      else if (way === 'move') {
        list.splice(start, end - start)
        list.splice(to % Math.max(1, list.length), 0, ...element)
      } else if (way === 'nest') list.splice(place, 0, ...Array<string>(to % 80).fill('<a>'))
    }
    return Buffer.from(list.join(''))
  })
}

/** The tokens of the element that begins at `place`. */
function elementAt(tokens: readonly string[], place: number): readonly [number, number] {
  const first = tokens[place] ?? ''
  if (!first.startsWith('<') || first.endsWith('/>') || first.startsWith('</'))
    return [place, place + 1]
  let depth = 0
  for (let at = place; at < tokens.length; at += 1) {
    const token = tokens[at] ?? ''
    if (token.startsWith('</')) depth -= 1
    else if (token.startsWith('<') && !token.endsWith('/>') && !/^<[!?]/.test(token)) depth += 1
    if (depth === 0) return [place, at + 1]
  }
  return [place, place + 1]
}

function withValue(token: string, value: string, which: number): string {
  const count = token.match(ATTRIBUTE)?.length ?? 0
  let at = 0
  return token.replace(ATTRIBUTE, (whole, name: string) => {
    at += 1
    return at - 1 === which % Math.max(1, count) ? `${name}='${value}'` : whole
  })
}
