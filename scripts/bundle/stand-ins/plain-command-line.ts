import { leaveToMain } from './leave-to-main.ts'
import { Option, plainLine } from './plain-option.ts'

export { Option }

/**
 * Commander for the verbs that only look, as far as they use it: it reads plain command lines, and leaves others to the whole bundle, with help and faults.
 * Commander itself is a third of such a bundle, and takes a fifth of such a command (notes/node/start-up.md).
 */
export class Command {
  readonly options: Option[] = []
  readonly registeredArguments: Argument[] = []
  args: readonly string[] = []
  readonly #name: string
  #values: Readonly<Record<string, unknown>> = {}
  #verb: Command | undefined
  #act: (() => Promise<void>) | undefined

  constructor(name: string) {
    this.#name = name
  }

  name(): string {
    return this.#name
  }

  command(name: string): Command {
    this.#verb = new Command(name)
    return this.#verb
  }

  argument(text: string): this {
    this.registeredArguments.push(new Argument(text))
    return this
  }

  option(flags: string, description: string, parse?: (text: string) => unknown): this {
    return this.addOption(new Option(flags, description, parse))
  }

  addOption(option: Option): this {
    this.options.push(option)
    return this
  }

  action(act: () => Promise<void>): this {
    this.#act = act
    return this
  }

  getOptionValue(key: string): unknown {
    return this.#values[key]
  }

  optsWithGlobals(): Readonly<Record<string, unknown>> {
    return this.#values
  }

  async parseAsync(argv: readonly string[]): Promise<void> {
    const verb = this.#verb
    if (verb === undefined || !verb.#take(argv, this.options)) await leaveToMain()
    await verb?.act()
  }

  async act(): Promise<void> {
    await this.#act?.()
  }

  /** Whether this could read the command line. */
  #take(argv: readonly string[], others: readonly Option[]): boolean {
    const line = plainLine(argv, [...this.options, ...others])
    const places = this.registeredArguments
    if (line === undefined) return false
    if (line.args.length > places.length && places.at(-1)?.variadic !== true) return false
    this.args = line.args
    this.#values = line.values
    return true
  }

  // Only help and faults need the rest.
  summary(): this {
    return this
  }

  description(): this {
    return this
  }

  usage(): this {
    return this
  }

  addHelpText(): this {
    return this
  }

  configureHelp(): this {
    return this
  }

  configureOutput(): this {
    return this
  }

  exitOverride(): this {
    return this
  }

  helpCommand(): this {
    return this
  }
}

/** An argument of a verb, such as `<domain>` or `[device...]`. */
class Argument {
  readonly required: boolean
  readonly variadic: boolean
  readonly argChoices = undefined
  readonly #name: string

  constructor(text: string) {
    this.required = text.startsWith('<')
    this.variadic = text.endsWith('...>') || text.endsWith('...]')
    this.#name = text.replaceAll(/[<>[\].]/g, '')
  }

  name(): string {
    return this.#name
  }

  argOptional(): this {
    return this
  }
}

/** Nothing here throws it. */
export class CommanderError extends Error {}

/** A fault of an option's value, which leaves the command line to the whole bundle. */
export class InvalidArgumentError extends CommanderError {}
