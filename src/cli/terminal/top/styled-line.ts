import { cutToWidth, displayWidth } from '../display-width.ts'

/** How a piece of text looks. Without colours only `inverse` and `bold` are left. */
export type Style = 'bold' | 'inverse' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'blue'

/** A piece of a line. */
export interface Span {
  readonly text: string
  readonly style?: Style | undefined
}

/** A line of a screen. */
export type StyledLine = readonly Span[]

/** ECMA-48 SGR. */
const CODES: Readonly<Record<Style, string>> = {
  bold: '1',
  dim: '2',
  inverse: '7',
  red: '31',
  green: '32',
  yellow: '33',
  blue: '34',
  cyan: '36',
}

const COLOURLESS: ReadonlySet<Style> = new Set(['bold', 'inverse'])

/** The abilities of a terminal. */
export interface TerminalTraits {
  /** Escapes for attributes: not in plain output. */
  readonly attributes: boolean
  readonly colours: boolean
}

/** A line as text of at most `width` columns. */
export function lineText(line: StyledLine, width: number, traits: TerminalTraits): string {
  let text = ''
  let left = width
  for (const { text: whole, style } of line) {
    const part = cutToWidth(whole, left)
    left -= displayWidth(part)
    const shown =
      style !== undefined && traits.attributes && (traits.colours || COLOURLESS.has(style))
    text += shown && part !== '' ? `\u001b[${CODES[style]}m${part}\u001b[0m` : part
    if (left <= 0) break
  }
  return text
}

/** Text without a style. */
export function plain(text: string): Span {
  return { text }
}
