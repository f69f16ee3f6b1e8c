import { type ParseArgsOptionDescriptor, parseArgs } from 'node:util'

/** An option of a runner. `value` describes its value; `N` is a number. */
export interface RunnerOption extends ParseArgsOptionDescriptor {
  readonly help: string
  readonly value?: string
}

/** `--seed` of a runner; every run without it is another one. */
export const SEED: RunnerOption & {
  readonly type: 'string'
  readonly multiple?: false
  readonly default: string
} = {
  type: 'string',
  value: 'N',
  help: 'repeats a run',
  default: String(Date.now() % 2 ** 31),
}

type Values<Options extends Readonly<Record<string, RunnerOption>>> = ReturnType<
  typeof parseArgs<{ options: Options }>
>['values']

/** The options of a runner that `npm run` starts. `--help` prints them and ends this process; so does a mistake, with exit code 2. */
export function runnerOptions<const Options extends Readonly<Record<string, RunnerOption>>>(
  command: string,
  options: Options,
): Values<Options> {
  if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
    console.log(usage(command, options))
    process.exit()
  }
  try {
    const { values } = parseArgs({ options })
    for (const [name, { value }] of Object.entries(options)) {
      const given: unknown = (values as Readonly<Record<string, unknown>>)[name]
      if (value === 'N' && given !== undefined && given !== '' && !(Number(given) >= 0))
        throw new Error(`--${name} must be a number, not ${JSON.stringify(given)}`)
    }
    return values
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage(command, options)}`)
    process.exit(2)
  }
}

function usage(command: string, options: Readonly<Record<string, RunnerOption>>): string {
  const lines = Object.entries(options).map(([name, { help, value, default: usual }]) => {
    const left = `  --${name}${value === undefined ? '' : ` ${value}`}`
    const end = usual === undefined || usual === '' || usual === false ? '' : ` (${String(usual)})`
    return `${left.padEnd(20)} ${help}${end}`
  })
  return [`Usage: npm run ${command} -- [options]`, '', ...lines].join('\n')
}
