import { displayWidth, padToWidth } from './display-width.ts'

const DEFAULT_WIDTH = 80
const LEAST_WIDTH = 20

/** A description is put below its term when fewer columns than this are left beside it. */
const LEAST_BESIDE = 30

/** The width of help: that of the terminal, or `COLUMNS` if the output is not a terminal. */
export function helpWidth(): number {
  const { isTTY, columns } = process.stdout
  const asked = Number(process.env['COLUMNS'])
  const width = isTTY ? columns : Number.isSafeInteger(asked) && asked > 0 ? asked : DEFAULT_WIDTH
  return Math.max(LEAST_WIDTH, width || DEFAULT_WIDTH)
}

/** One term of help with its description, in `width` columns; terms beside it have up to `termWidth`. */
export function helpItem(
  term: string,
  termWidth: number,
  description: string,
  width: number,
): string {
  if (description === '') return `  ${term}`
  const beside = width - termWidth - 4
  if (beside >= LEAST_BESIDE)
    return `  ${padToWidth(term, termWidth)}  ${wrapText(description, beside, termWidth + 4)}`
  return `  ${term}\n      ${wrapText(description, width - 6, 6)}`
}

/** Breaks a text between words into lines of at most `width` columns; the second and later ones are indented. A longer word has a line of its own. */
export function wrapText(text: string, width: number, indent = 0): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && displayWidth(longer) > width) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`)
}
