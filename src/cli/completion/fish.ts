import type { CommandWords, Completes, OptionWords } from './words.ts'

/** The completion file for fish. */
export function fishCompletion({ options, verbs }: CommandWords): string {
  const withValue = verbs.flatMap((verb) => valueFlags(verb.options, `${verb.name} `))
  const lines = verbs.flatMap((verb) => [
    `complete -c stasis -n '__stasis_at "" 0' -a ${verb.name} -d ${quoted(verb.summary)}`,
    ...verb.options.flatMap((option) => optionLine(option, `__stasis_at ${verb.name}`)),
    ...verb.places.flatMap(({ value }, index) => {
      const last = verb.repeats && index === verb.places.length - 1
      const condition = quoted(`__stasis_at ${verb.name} ${index}${last ? ' more' : ''}`)
      const words = wordsFor(value)
      return words === '' ? [] : [`complete -c stasis -n ${condition} ${words}`]
    }),
  ])
  return `# fish completion for stasis: \`stasis completion fish\` wrote it.

# Whether option $argv[2] of verb $argv[1] takes a value. The verb is empty for the options of every verb.
function __stasis_takes_value
    switch "$argv[2]"
        case ${valueFlags(options, '').join(' ')}
            return 0
    end
    switch "$argv"
        case ${withValue.map(quoted).join(' ')}
            return 0
    end
    return 1
end

# Whether the verb is $argv[1] and, if they are given, $argv[2] arguments are there, "more" for at least so many.
function __stasis_at
    set -l verb ''
    set -l count 0
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
        else if string match -q -- '-*' $word
            __stasis_takes_value "$verb" $word; and set skip yes
        else if test -z "$verb"
            set verb $word
        else
            set count (math $count + 1)
        end
    end
    test "$verb" = "$argv[1]"; or return 1
    if test (count $argv) -gt 2
        test $count -ge $argv[2]
    else if test (count $argv) -gt 1
        test $count -eq $argv[2]
    end
end

function __stasis_domains
    set -l where
    set -l words (commandline -opc)
    for index in (seq (count $words))
        switch $words[$index]
            case --state-dir --connect -c
                set where $words[$index] $words[(math $index + 1)]
        end
    end
    $words[1] $where list --all --name 2>/dev/null | string match -v ''
end

complete -c stasis -f
${options.flatMap((option) => optionLine(option, '')).join('\n')}
${lines.join('\n')}
`
}

function optionLine({ flags, summary, value }: OptionWords, condition: string): string {
  const when = condition === '' ? '' : ` -n ${quoted(condition)}`
  const names = flags.map((flag) =>
    flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
  )
  const rest = value === undefined ? '' : ` -r ${wordsFor(value)}`.trimEnd()
  return `complete -c stasis${when} ${names.join(' ')}${rest} -d ${quoted(summary)}`
}

const ANSWERS: Readonly<Record<Exclude<Completes, readonly string[]>, string>> = {
  domains: "-f -a '(__stasis_domains)'",
  files: '-F',
  directories: "-f -a '(__fish_complete_directories (commandline -ct))'",
  nothing: '',
}

function wordsFor(value: Completes): string {
  return typeof value === 'string' ? ANSWERS[value] : `-f -a ${quoted(value.join(' '))}`
}

function valueFlags(options: readonly OptionWords[], prefix: string): readonly string[] {
  return options.flatMap(({ flags, value }) =>
    value === undefined ? [] : flags.map((flag) => `${prefix}${flag}`),
  )
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`
}
