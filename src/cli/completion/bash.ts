import { shellQuoted } from '../terminal/shell-word.ts'
import type { CommandWords, Completes, OptionWords } from './words.ts'

/** The completion file for bash; it needs nothing but bash. */
export function bashCompletion({ options, verbs }: CommandWords): string {
  const lines = verbs.flatMap((verb) => [
    `    ${verb.name})`,
    `      flags+=${shellQuoted(` ${flagsOf(verb.options)}`)}`,
    ...valueLines(verb.options),
    `      places=(${verb.places.map(({ value }) => shellQuoted(kindOf(value))).join(' ')})`,
    ...(verb.repeats ? ['      repeats=yes'] : []),
    '      ;;',
  ])
  return `# bash completion for stasis: \`stasis completion bash\` wrote it.

_stasis_words() {
  local flags=${shellQuoted(flagsOf(options))} values='' places=() repeats=no
${valueLines(options).join('\n').replace(/^ {4}/, '')}
  case $1 in
    '')
      places=(${shellQuoted(verbs.map(({ name }) => name).join(' '))})
      ;;
${lines.join('\n')}
    *) all_flags='' all_values='' all_places=(); return ;;
  esac
  all_flags=$flags all_values=$values all_places=("\${places[@]}") all_repeats=$repeats
}

# The kind of the value of option $1, from the list all_values: one "FLAG KIND" on each line. Fails if it takes no value.
_stasis_value() {
  local flag kind
  while read -r flag kind; do
    [[ $flag != "$1" ]] || { printf '%s\\n' "$kind"; return 0; }
  done <<<"$all_values"
  return 1
}

# Fills COMPREPLY with the words that begin with $2 and are of kind $1: @domains, @files, @directories, @nothing, or words.
_stasis_reply() {
  local name
  case $1 in
    @domains)
      while IFS= read -r name; do
        [[ $name != "$2"* ]] || COMPREPLY+=("$(printf '%q' "$name")")
      done < <("\${COMP_WORDS[0]}" "\${where[@]}" list --all --name 2>/dev/null)
      ;;
    @files)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$2")
      ;;
    @directories)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$2")
      ;;
    @nothing) ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2") ;;
  esac
}

_stasis() {
  local all_flags='' all_values='' all_places=() all_repeats=no
  local verb='' at=0 index word kind option='' where=() current=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  _stasis_words ''
  # bash makes words of their own of "=" and ":".
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    if [[ $option != '' ]]; then
      [[ $word != '=' ]] || continue
      [[ $option != --state-dir ]] || where=(--state-dir "\${word/#~\\//$HOME/}")
      if [[ $option == -c || $option == --connect ]]; then
        while [[ \${COMP_WORDS[index + 1]-} == :* ]] && ((index + 1 < COMP_CWORD)); do
          word+=\${COMP_WORDS[++index]}
          if ((index + 1 < COMP_CWORD)) && [[ $word == *: ]]; then word+=\${COMP_WORDS[++index]}; fi
        done
        where=(--connect "$word")
      fi
      option=''
    elif [[ $word == -* ]]; then
      ! _stasis_value "$word" >/dev/null || option=$word
    elif [[ $verb == '' ]]; then
      verb=$word
      _stasis_words "$verb"
      [[ \${#all_flags} -gt 0 ]] || return 0
    else
      at=$((at + 1))
    fi
  done
  if [[ $current == '=' ]]; then current=''; fi
  if [[ $option != '' ]]; then
    kind=$(_stasis_value "$option")
    _stasis_reply "$kind" "$current"
  elif [[ $current == -* ]]; then
    _stasis_reply "$all_flags" "$current"
  else
    if [[ $all_repeats == yes ]] && ((at >= \${#all_places[@]})); then at=$((\${#all_places[@]} - 1)); fi
    _stasis_reply "\${all_places[at]-@nothing}" "$current"
  fi
}

complete -F _stasis stasis
`
}

function flagsOf(options: readonly OptionWords[]): string {
  return options.flatMap(({ flags }) => flags).join(' ')
}

function valueLines(options: readonly OptionWords[]): readonly string[] {
  const lines = options.flatMap(({ flags, value }) =>
    value === undefined ? [] : flags.map((flag) => `${flag} ${kindOf(value)}`),
  )
  return lines.length === 0 ? [] : [`      values+=$'${lines.join('\\n')}\\n'`]
}

function kindOf(value: Completes): string {
  return typeof value === 'string' ? `@${value}` : value.join(' ')
}
