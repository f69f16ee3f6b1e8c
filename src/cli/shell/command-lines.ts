/** Joins lines: a backslash at the end of a line continues it. */
export class CommandLines {
  #text = ''

  /** Whether the line that was added last continues. */
  get isOpen(): boolean {
    return this.#text !== ''
  }

  /** Adds a line. Returns the whole text, unless this line continues. */
  add(line: string): string | undefined {
    const text = this.#text + line
    const [slashes = ''] = /\\*$/.exec(line) ?? []
    if (slashes.length % 2 === 1) {
      this.#text = `${text}\n`
      return undefined
    }
    this.#text = ''
    return text
  }

  /** The text of lines that were added last and still continue. */
  rest(): string {
    return this.#text.replace(/\\\n$/, '')
  }
}
