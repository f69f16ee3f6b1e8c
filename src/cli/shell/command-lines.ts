/** Collects lines until they are whole: a backslash at its end continues a line. */
export class CommandLines {
  #text = ''

  /** Whether the line that was added last continues. */
  get isOpen(): boolean {
    return this.#text !== ''
  }

  /** Adds a line. Returns the whole text once it does not continue. */
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

  /** What was added last, although it continues. */
  rest(): string {
    return this.#text.replace(/\\\n$/, '')
  }
}
