import { displayWidth } from '../../src/cli/terminal/display-width.ts'

/** How a cell looks. */
export interface CellStyle {
  readonly bold?: boolean
  readonly dim?: boolean
  readonly inverse?: boolean
  /** 0 to 7, as in ECMA-48 SGR 30 to 37. */
  readonly colour?: number
}

/** A place of the screen. The second half of a wide character has no text. */
export interface Cell {
  readonly text: string
  readonly style: CellStyle
}

type Row = Cell[]

const BLANK: Cell = { text: ' ', style: {} }

/**
 * The screen of a terminal, as far as our own output needs one: it knows the control sequences that Stasis writes and throws for any other, so that a test finds those that no terminal may get.
 */
export class TerminalScreen {
  readonly columns: number
  readonly rows: number
  #cells: Row[]
  /** The main screen, while the alternate one is shown. */
  #main: { readonly cells: Row[]; readonly row: number; readonly column: number } | undefined
  #row = 0
  #column = 0
  #style: CellStyle = {}
  #isCursorShown = true
  /** The beginning of a control sequence whose rest has not arrived. */
  #open = ''

  constructor(columns: number, rows: number) {
    this.columns = columns
    this.rows = rows
    this.#cells = this.#blank()
  }

  get isAlternate(): boolean {
    return this.#main !== undefined
  }

  get isCursorShown(): boolean {
    return this.#isCursorShown
  }

  get cells(): readonly (readonly Cell[])[] {
    return this.#cells
  }

  /** The text of each row, without the blanks at its end. */
  get lines(): readonly string[] {
    return this.#cells.map((row) =>
      row
        .map(({ text }) => text)
        .join('')
        .trimEnd(),
    )
  }

  /** Takes what a program writes. @throws Error for a control sequence that it does not know */
  write(text: string): void {
    const rest = this.#open + text
    this.#open = ''
    // oxlint-disable-next-line eslint/no-control-regex
    const parts = rest.matchAll(/\u001b(?:\[([?\d;]*)([A-Za-z])|(\[[?\d;]*)?$|.)|[^\u001b]+/gs)
    for (const [part, parameters = '', final] of parts) {
      if (!part.startsWith('\u001b')) this.#print(part)
      else if (final !== undefined) this.#control(parameters, final)
      // At the end of what has arrived.
      else if (part === '\u001b' || part === '\u001b[' || !/[^?\d;[]/.test(part.slice(1)))
        this.#open = part
      else throw unknown(part)
    }
  }

  #print(text: string): void {
    for (const { segment } of new Intl.Segmenter('en').segment(text)) {
      if (segment === '\r\n') {
        this.#column = 0
        this.#feed()
      } else if (segment === '\r') this.#column = 0
      else if (segment === '\n') this.#feed()
      else if (displayWidth(segment) > 0) this.#put(segment, displayWidth(segment))
      // oxlint-disable-next-line eslint/no-control-regex
      else if (/[\u0000-\u001f]/.test(segment)) throw unknown(segment)
    }
  }

  #put(text: string, width: number): void {
    if (this.#column + width > this.columns) {
      this.#column = 0
      this.#feed()
    }
    const row = this.#cells[this.#row] as Row
    row[this.#column] = { text, style: this.#style }
    if (width === 2) row[this.#column + 1] = { text: '', style: this.#style }
    this.#column += width
  }

  #feed(): void {
    if (this.#row < this.rows - 1) this.#row += 1
    else {
      this.#cells.shift()
      this.#cells.push(this.#blankRow())
    }
  }

  #control(parameters: string, final: string): void {
    const [first = 0, second = 0] = parameters.split(';').map(Number)
    if (final === 'A') this.#row = Math.max(0, this.#row - Math.max(1, first))
    else if (final === 'H') {
      this.#row = Math.max(1, first) - 1
      this.#column = Math.max(1, second) - 1
    } else if (final === 'K' && first === 0) this.#clearRow(this.#row, this.#column)
    else if (final === 'J' && first === 0) {
      this.#clearRow(this.#row, this.#column)
      for (let row = this.#row + 1; row < this.rows; row += 1) this.#clearRow(row, 0)
    } else if (final === 'm')
      parameters
        .split(';')
        .map(Number)
        .forEach((code) => this.#setStyle(code))
    else if (parameters === '?25') this.#isCursorShown = final === 'h'
    else if (parameters === '?1049' && final === 'h') this.#enterAlternate()
    else if (parameters === '?1049' && final === 'l') this.#leaveAlternate()
    else throw unknown(`\u001b[${parameters}${final}`)
  }

  #setStyle(code: number): void {
    if (code === 0) this.#style = {}
    else if (code === 1) this.#style = { ...this.#style, bold: true }
    else if (code === 2) this.#style = { ...this.#style, dim: true }
    else if (code === 7) this.#style = { ...this.#style, inverse: true }
    else if (code >= 30 && code <= 37) this.#style = { ...this.#style, colour: code - 30 }
    else throw unknown(`\u001b[${code}m`)
  }

  #enterAlternate(): void {
    if (this.#main !== undefined) throw new Error('The alternate screen was entered twice')
    this.#main = { cells: this.#cells, row: this.#row, column: this.#column }
    this.#cells = this.#blank()
  }

  #leaveAlternate(): void {
    if (this.#main === undefined) throw new Error('The alternate screen was left, but not entered')
    this.#cells = this.#main.cells
    this.#row = this.#main.row
    this.#column = this.#main.column
    this.#main = undefined
  }

  #clearRow(row: number, from: number): void {
    this.#cells[row]?.fill(BLANK, from)
  }

  #blankRow(): Row {
    return Array.from({ length: this.columns }, () => BLANK)
  }

  #blank(): Row[] {
    return Array.from({ length: this.rows }, () => this.#blankRow())
  }
}

function unknown(sequence: string): Error {
  return new Error(`Unknown control sequence ${JSON.stringify(sequence)}`)
}
