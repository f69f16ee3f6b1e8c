import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A block of code in a document. */
export interface CodeBlock {
  /** The word behind the fence: `sh`, `ts`, `xml`, `guest`. */
  readonly language: string
  /** Where it is for, if not for everywhere: `deb`, `npm`, `systemd`. */
  readonly place: string | undefined
  readonly code: string
  /** The heading above it. */
  readonly section: string
}

const root = join(import.meta.dirname, '../..')

/** The blocks of code in a document of this repository, in order. */
export async function codeBlocks(path: string): Promise<readonly CodeBlock[]> {
  const text = await readFile(join(root, path), 'utf8')
  const blocks: CodeBlock[] = []
  let section = ''
  for (const match of text.matchAll(/^#+ ([^\n]*)$|^( *)```(\w+) ?(\w+)?\n(.*?)^\2```$/gms)) {
    const [, heading, indent = '', language, place, code = ''] = match
    if (language === undefined) section = heading ?? ''
    else {
      const lines = code.split('\n').map((line) => line.slice(indent.length))
      blocks.push({ language, place, code: lines.join('\n'), section })
    }
  }
  return blocks
}

/** What is there before a person begins to type: the functions that a script needs to type into a guest. */
const PRELUDE = String.raw`
# Types lines into the console of a domain; waits for a prompt before each, and for one at the end.
in_guest() {
  local domain=$1 typed=$(mktemp -d) prompts=0 line deadline=$((SECONDS + 240))
  shift
  mkfifo $typed/keys
  script -qfec "stasis console $domain" /dev/null <$typed/keys >$typed/screen &
  local console=$!
  exec 9>$typed/keys
  until grep -q 'guest# ' $typed/screen; do
    [ $SECONDS -lt $deadline ] || { cat $typed/screen; echo "no prompt"; return 1; }
    printf '\r' >&9
    sleep 2
  done
  sleep 3
  for line; do
    prompts=$(grep -c 'guest# ' $typed/screen)
    printf '%s\r' "$line" >&9
    until [ $(grep -c 'guest# ' $typed/screen) -gt $prompts ]; do
      [ $SECONDS -lt $deadline ] || { cat $typed/screen; echo "no answer"; return 1; }
      sleep 1
    done
  done
  printf '\035' >&9
  exec 9>&-
  wait $console
  cat $typed/screen
  cp $typed/screen /tmp/screen
}
shown() { grep -qE "$1" /tmp/screen || { echo "not shown: $1"; return 1; }; }
PS4='+ '
set -x
`

/** The commands in blocks, as one script of bash. A block of a guest is typed into the console of the domain `guest`. */
export function scriptOf(blocks: readonly CodeBlock[], places: readonly string[]): string {
  const lines = blocks
    .filter(({ place }) => place === undefined || places.includes(place))
    .flatMap(({ language, code }) => {
      if (language === 'guest') return typed(code)
      // The block of the guest behind it, if any, says what is typed.
      return language === 'sh' ? [code.replaceAll(/^stasis console .*$/gm, '')] : []
    })
  return [PRELUDE, ...lines].join('\n')
}

function typed(code: string): readonly string[] {
  const PROMPT = 'guest# '
  const lines = code.trim().split('\n')
  const keys = lines.filter((line) => line.startsWith(PROMPT))
  const answers = lines.filter((line) => !line.startsWith(PROMPT))
  return [
    `in_guest guest ${keys.map((line) => quoted(line.slice(PROMPT.length))).join(' ')}`,
    ...answers.map((line) => `shown ${quoted(line.replaceAll(/\d+/g, '[0-9]+'))}`),
  ]
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
