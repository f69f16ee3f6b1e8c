import { type Argument, type Command, Option } from 'commander'
import { UsageError } from '../errors.ts'

/**
 * virsh's grammar: each argument of a verb is also an option of that name (`--domain web`). The arguments without a name fill, in order, what was not
 * given by name. Returns a function that joins both after the command line was read; it throws UsageError BAD_ARGUMENT.
 */
export function acceptNames(command: Command): () => readonly string[] {
  // The help shows the arguments as they were declared.
  command.usage(command.usage())
  const places = command.registeredArguments.map((argument) => {
    const { required, variadic } = argument
    const option = optionOf(argument)
    const taken = command.options.some(({ long }) => long === option.long)
    if (!taken) command.addOption(option)
    argument.argOptional()
    return { name: argument.name(), required, variadic, key: taken ? '' : option.attributeName() }
  })
  return () => {
    const rest = [...command.args]
    const joined = places.flatMap(({ name, key, required, variadic }) => {
      const given: unknown = command.getOptionValue(key)
      if (given !== undefined) return given as string | string[]
      const found = rest.splice(0, variadic ? rest.length : 1)
      if (found.length === 0 && required)
        throw wrong(command, `Missing required argument '${name}'`)
      return found
    })
    if (rest.length > 0) throw wrong(command, `Too many arguments: '${rest.join("', '")}'`)
    return joined
  }
}

function optionOf(argument: Argument): Option {
  const name = argument.name()
  const option = new Option(`--${name} <${name}${argument.variadic ? '...' : ''}>`).hideHelp()
  return argument.argChoices === undefined ? option : option.choices(argument.argChoices)
}

function wrong(command: Command, message: string): UsageError {
  return new UsageError('BAD_ARGUMENT', message, {
    hint: `\`stasis ${command.name()} --help\` lists arguments and options`,
  })
}
