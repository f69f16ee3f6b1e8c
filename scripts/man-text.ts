import { type Argument, Command, type Option } from 'commander'
import { exitCodeTable } from '../src/cli/reports/exit-code.ts'
import { declareGlobalOptions } from '../src/cli/global-options.ts'
import { VERBS } from '../src/cli/verbs.ts'

/** The man page stasis(1), from the same definitions as `--help`. */
export async function manText(): Promise<string> {
  const verbs = await Promise.all(
    VERBS.map(async ({ name, summary, load }) => {
      const verb = await load()
      return { summary, example: verb.example, command: verb.declare(new Command(name)) }
    }),
  )
  return [
    '.\\" Made by scripts/man-page.ts from the definitions of the command line: do not edit.',
    '.TH STASIS 1 "" "Stasis" "User Commands"',
    '.SH NAME',
    'stasis \\- suspend running QEMU/KVM virtual machines to disk and bring them back',
    '.SH SYNOPSIS',
    '.B stasis',
    '[\\fIoptions\\fR] \\fIverb\\fR ...',
    '.SH DESCRIPTION',
    escape(
      'Domains are described by libvirt domain XML. Verbs and options that virsh has carry the names that virsh gives them; not all of virsh exists here. A domain is given by its name, its UUID or, while it runs, its id (the process id of its QEMU). Each argument can also be given by its name, as an option: save --domain web --file web.save. Results go to standard output, everything else to standard error. Guests are x86_64 only.',
    ),
    '.SH OPTIONS OF EVERY VERB',
    ...declareGlobalOptions(new Command()).options.flatMap(({ flags, description }) =>
      tagged(`\\fB${escape(flags)}\\fR`, description),
    ),
    ...tagged('\\fB\\-h\\fR, \\fB\\-\\-help\\fR', 'show the options of a verb, and an example'),
    '.SH VERBS',
    ...verbs.flatMap(verbLines),
    '.SH EXIT STATUS',
    ...exitCodeTable()
      .split('\n')
      .flatMap((line) => {
        const [, code = '', meaning = ''] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? []
        return tagged(code, meaning)
      }),
    '.SH ENVIRONMENT',
    ...tagged('STASIS_STATE_DIR', 'where domains are kept; /var/lib/stasis for root'),
    ...tagged('STASIS_RUNTIME_DIR', 'what exists only while a QEMU runs; /run/stasis for root'),
    ...tagged(
      'STASIS_CACHE_DIR',
      'where the compiled command line is kept; /var/cache/stasis for root',
    ),
    ...tagged('STASIS_DEBUG', 'if set, errors have stack traces'),
    ...tagged('STASIS_CONFIG', 'a configuration file in place of all others'),
    '.SH FILES',
    ...tagged('/etc/stasis/stasis.toml', 'the configuration of the host: docs/configuration.md'),
    ...tagged(
      '$XDG_CONFIG_HOME/stasis/stasis.toml',
      'the configuration of a user; ~/.config where XDG_CONFIG_HOME is not set',
    ),
    ...tagged(
      '/etc/stasis/hooks.d/',
      'programs to run before and after saves, restores, starts and ends: docs/hooks.md',
    ),
    '.SH SEE ALSO',
    '.BR virsh (1),',
    '.BR qemu\\-system\\-x86_64 (1)',
    '',
  ].join('\n')
}

function verbLines(verb: {
  readonly summary: string
  readonly example: string
  readonly command: Command
}): readonly string[] {
  const { summary, example, command } = verb
  const shown = command.options.filter(({ hidden }) => !hidden)
  const words = command.registeredArguments.map(argumentWord)
  const options = shown.length > 0 ? ['[\\fIoptions\\fR]'] : []
  return [
    `.SS \\fB${escape(command.name())}\\fR ${[...words, ...options].join(' ')}`.trimEnd(),
    escape(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`),
    ...command.registeredArguments
      .filter(({ description }) => description !== '')
      .flatMap((argument) => tagged(`\\fI${escape(argument.name())}\\fR`, argument.description)),
    ...shown.flatMap((option) => tagged(`\\fB${escape(option.flags)}\\fR`, optionText(option))),
    '.PP',
    'Example:',
    '.RS 4',
    '.nf',
    ...example.split('\n').map(escape),
    '.fi',
    '.RE',
  ]
}

function argumentWord(argument: Argument): string {
  const word = `\\fI${escape(argument.name())}\\fR${argument.variadic ? ' ...' : ''}`
  return argument.required ? word : `[${word}]`
}

function optionText({ description, argChoices, mandatory }: Option): string {
  const parts = [
    description,
    argChoices === undefined ? '' : `(${argChoices.join(', ')})`,
    mandatory ? '(must be given)' : '',
  ]
  return parts.filter((part) => part !== '').join(' ')
}

function tagged(tag: string, text: string): readonly string[] {
  return ['.TP', tag, escape(text)]
}

/** Text for roff: backslashes and hyphens are its own, and a line must not begin with a dot or an apostrophe. */
function escape(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1')
}
