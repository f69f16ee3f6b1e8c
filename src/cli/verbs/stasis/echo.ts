import { shellWord } from '../../terminal/shell-word.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly shell?: boolean
  readonly xml?: boolean
}

/** `echo WORD…` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('[string...]', 'words')
      .option('--shell', 'quote each word for a shell')
      .option('--xml', 'escape characters that have a meaning in XML'),
  looks: true,
  example: 'stasis echo --shell "two words"',
  run: async (words, { shell, xml }, { json, output }) => {
    const text = words
      .map((word) => (xml === true ? forXml(word) : word))
      .map((word) => (shell === true ? shellWord(word) : word))
      .join(' ')
    if (json) return { text, json: { type: 'result', text } }
    // Without a word it is an empty line.
    output.result(text)
    return undefined
  },
}

const XML: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&apos;',
  '"': '&quot;',
}

function forXml(word: string): string {
  return word.replace(/[&<>'"]/g, (one) => XML[one] ?? one)
}
