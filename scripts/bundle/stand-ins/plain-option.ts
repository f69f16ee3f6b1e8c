/** An option of a command line, as commander's `Option`, as far as `plainLine` needs it. */
export class Option {
  readonly short: string | undefined
  readonly long: string
  /** Whether a value follows. */
  readonly takesValue: boolean
  readonly parse: ((text: string) => unknown) | undefined
  #isPlain: boolean

  constructor(flags: string, _description?: string, parse?: (text: string) => unknown) {
    const { short, long, value } =
      /^(?:(?<short>-\w), )?(?<long>--[\w-]+)(?<value> .*)?$/.exec(flags)?.groups ?? {}
    this.short = short ?? (/^-\w$/.test(flags) ? flags : undefined)
    this.long = long ?? flags
    this.takesValue = value !== undefined
    this.parse = parse
    this.#isPlain = !this.long.startsWith('--no-') && !/\[|\.\.\./.test(value ?? '')
  }

  /** Whether its presence means no more than its value. */
  get isPlain(): boolean {
    return this.#isPlain
  }

  attributeName(): string {
    return this.long
      .replace(/^--?(?:no-)?/, '')
      .replaceAll(/-(.)/g, (_all, letter: string) => letter.toUpperCase())
  }

  conflicts(): this {
    this.#isPlain = false
    return this
  }

  choices(): this {
    return this.conflicts()
  }

  hideHelp(): this {
    return this
  }
}

/** The arguments and the values of the options of a command line. */
export interface PlainLine {
  readonly args: readonly string[]
  readonly values: Readonly<Record<string, unknown>>
}

/**
 * A command line that consists of a verb, arguments, and plain options with their names in full; `undefined` for any other, also for a wrong one.
 */
export function plainLine(
  argv: readonly string[],
  options: readonly Option[],
): PlainLine | undefined {
  const args: string[] = []
  const values: Record<string, unknown> = {}
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? ''
    if (!word.startsWith('-')) {
      args.push(word)
      continue
    }
    const option = options.find(({ short, long }) => word === long || word === short)
    if (option?.isPlain !== true) return undefined
    const value = option.takesValue ? argv[++at] : undefined
    if (option.takesValue && (value === undefined || /^(?:-|$)/.test(value))) return undefined
    try {
      values[option.attributeName()] = value === undefined ? true : (option.parse?.(value) ?? value)
    } catch {
      return undefined
    }
  }
  return { args: args.slice(1), values }
}
