import { displayWidth } from '../../src/cli/terminal/display-width.ts'
import type { Cell, CellStyle } from './terminal-screen.ts'

const CELL_WIDTH = 9
const ROW_HEIGHT = 19
const MARGIN = 14

const BACKGROUND = '#1c1f26'
const FOREGROUND = '#d7dae0'
/** ECMA-48 colours 0 to 7. */
const COLOURS = [
  ...['#1c1f26', '#e06c75', '#98c379', '#e5c07b'],
  ...['#61afef', '#c678dd', '#56b6c2', '#d7dae0'],
]

/** Block elements as parts of a filled rectangle: fonts draw them with gaps. */
const BLOCKS: Readonly<Record<string, number>> = { '█': 1, '▓': 0.6, '░': 0.18 }

/** Neighbours with the same style. */
interface Run {
  readonly column: number
  readonly text: string
  readonly style: CellStyle
}

/** A screen of a terminal as an SVG image. Rows that are blank at the end are left out. */
export function screenSvg(cells: readonly (readonly Cell[])[], title: string): string {
  const rows = cells.slice(0, cells.findLastIndex((row) => textOf(row).trim() !== '') + 1)
  const width = (cells[0]?.length ?? 0) * CELL_WIDTH + 2 * MARGIN
  const height = rows.length * ROW_HEIGHT + 2 * MARGIN
  const body = rows.flatMap((row, at) => runsOf(row).map((run) => runSvg(run, at)))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="15" xml:space="preserve">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>`,
    ...body,
    '</svg>',
    '',
  ].join('\n')
}

function textOf(row: readonly Cell[]): string {
  return row.map(({ text }) => text).join('')
}

function runsOf(row: readonly Cell[]): readonly Run[] {
  const runs: Run[] = []
  for (const [column, { text, style }] of row.entries()) {
    const last = runs.at(-1)
    const goesOn =
      last !== undefined && sameStyle(last.style, style) && kindOf(last.text) === kindOf(text)
    if (goesOn) runs[runs.length - 1] = { ...last, text: last.text + text }
    else runs.push({ column, text, style })
  }
  const drawn = runs.map((run) =>
    run.style.inverse === true ? run : { ...run, text: run.text.trimEnd() },
  )
  return drawn.filter(({ text, style }) => text.trim() !== '' || style.inverse === true)
}

/** Blocks of one kind, or text. */
function kindOf(text: string): string {
  const first = text[0] ?? ''
  return first in BLOCKS ? first : ''
}

function sameStyle(a: CellStyle, b: CellStyle): boolean {
  return a.bold === b.bold && a.dim === b.dim && a.inverse === b.inverse && a.colour === b.colour
}

function runSvg({ column, text, style }: Run, row: number): string {
  const [x, y] = [MARGIN + column * CELL_WIDTH, MARGIN + row * ROW_HEIGHT]
  const width = displayWidth(text) * CELL_WIDTH
  const colour = COLOURS[style.colour ?? -1] ?? FOREGROUND
  const fill = style.inverse === true ? BACKGROUND : colour
  const opacity = style.dim === true ? 0.55 : 1
  const part = BLOCKS[text[0] ?? '']
  if (part !== undefined)
    return `<rect x="${x}" y="${y}" width="${width}" height="${ROW_HEIGHT - 2}" fill="${fill}" fill-opacity="${part * opacity}"/>`
  const behind =
    style.inverse === true
      ? `<rect x="${x}" y="${y}" width="${width}" height="${ROW_HEIGHT}" fill="${colour}"/>`
      : ''
  const weight = style.bold === true ? ' font-weight="bold"' : ''
  const shade = opacity < 1 ? ` fill-opacity="${opacity}"` : ''
  return `${behind}<text x="${x}" y="${y + 14}" textLength="${width}" lengthAdjust="spacingAndGlyphs" fill="${fill}"${weight}${shade}>${escapeXml(text)}</text>`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
