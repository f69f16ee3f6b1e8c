import { shellQuoted } from '../terminal/shell-word.ts'
import type { CommandWords, Completes, OptionWords } from './words.ts'

/** The completion file for zsh. It belongs into a directory of `fpath` as `_stasis`, or is read by `source`. */
export function zshCompletion({ options, verbs }: CommandWords): string {
  const cases = verbs.flatMap((verb) => [
    `        ${verb.name})`,
    '          specs=(',
    ...optionSpecs(verb.options).map((spec) => `            ${spec}`),
    ...verb.places.map(({ name, value }, index) => {
      const repeated = verb.repeats && index === verb.places.length - 1
      return `            ${shellQuoted(`${repeated ? '*' : index + 1}:${escaped(name)}:${action(value)}`)}`
    }),
    '          )',
    '          ;;',
  ])
  return `#compdef stasis
# zsh completion for stasis: \`stasis completion zsh\` wrote it.

_stasis_domains() {
  local -a where names
  [[ -z $opt_args[--state-dir] ]] || where=(--state-dir \${~opt_args[--state-dir]})
  local uri=\${opt_args[--connect]:-$opt_args[-c]}
  [[ -z $uri ]] || where=(--connect \${uri//\\\\})
  names=(\${(f)"$(_call_program domains $stasis_command $where list --all --name 2>/dev/null)"})
  compadd -a names
}

_stasis() {
  local stasis_command=$words[1] curcontext=$curcontext context state line
  local -A opt_args
  local -a specs everywhere verbs
  everywhere=(
${optionSpecs(options)
  .map((spec) => `    ${spec}`)
  .join('\n')}
  )
  verbs=(
${verbs.map(({ name, summary }) => `    ${shellQuoted(`${name}:${escaped(summary)}`)}`).join('\n')}
  )
  _arguments -C -S $everywhere '1:verb:->verb' '*::argument:->argument' && return
  case $state in
    verb) _describe -t verbs verb verbs ;;
    argument)
      case $words[1] in
${cases.join('\n')}
        *) return 1 ;;
      esac
      _arguments -S $specs $everywhere
      ;;
  esac
}

if [[ $funcstack[1] == _stasis ]]; then _stasis "$@"; else compdef _stasis stasis; fi
`
}

function optionSpecs(options: readonly OptionWords[]): readonly string[] {
  return options.flatMap(({ flags, summary, value }) =>
    flags.map((flag) => {
      const others = flags.length > 1 ? `(${flags.join(' ')})` : ''
      const joint = value !== undefined && flag.startsWith('--') ? '=' : ''
      const text = `${others}${flag}${joint}[${escaped(summary)}]`
      return shellQuoted(value === undefined ? text : `${text}:value:${action(value)}`)
    }),
  )
}

const ACTIONS: Readonly<Record<Exclude<Completes, readonly string[]>, string>> = {
  domains: '_stasis_domains',
  files: '_files',
  directories: '_files -/',
  nothing: ' ',
}

function action(value: Completes): string {
  return typeof value === 'string' ? ACTIONS[value] : `(${value.map(escaped).join(' ')})`
}

function escaped(text: string): string {
  return text.replaceAll(/[\\:[\]]/g, String.raw`\$&`)
}
