import { domainWords } from '../../../domain/status/words.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly title?: boolean
  readonly config?: boolean
}

/** `desc DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--title', 'the title instead')
      .option('--config', 'that of the definition, even while the domain runs from other XML'),
  looks: true,
  example: 'stasis desc web --title',
  run: async ([domain = ''], { title, config }, { directories, signal }) => {
    const found = await domainWords(domain, { ...directories, signal, inactive: config })
    const text =
      title === true
        ? (found.title ?? `No title for domain: ${domain}`)
        : (found.description ?? `No description for domain: ${domain}`)
    return { text, json: { type: 'result', ...found } }
  },
}
