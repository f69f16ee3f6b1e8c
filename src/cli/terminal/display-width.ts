/** Characters that take two columns: East Asian Width W and F, by blocks (Unicode 16, EastAsianWidth.txt), and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

/** Characters that take none: marks on the character before, and format characters. */
const EMPTY = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}\u1160-\u11ff]*$/u

// oxlint-disable-next-line eslint/no-control-regex
const PLAIN = /^[\u0020-\u007e]*$/

let segmenter: Intl.Segmenter | undefined

/** The columns that a text takes on a terminal. */
export function displayWidth(text: string): number {
  if (PLAIN.test(text)) return text.length
  return characters(text).reduce((sum, character) => sum + widthOf(character), 0)
}

/** Fills a text with spaces up to `width` columns. */
export function padToWidth(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)))
}

/** The beginning of a text that fits into `width` columns; where it was cut, `…` is at its end. */
export function cutToWidth(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  if (width < 1) return ''
  let kept = ''
  let taken = 0
  for (const character of characters(text)) {
    taken += widthOf(character)
    if (taken > width - 1) break
    kept += character
  }
  return `${kept}…`
}

/** Splits a text into characters as a reader sees them; one may be several code points. */
function characters(text: string): readonly string[] {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' })
  return Array.from(segmenter.segment(text), ({ segment }) => segment)
}

function widthOf(character: string): number {
  if (EMPTY.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}
