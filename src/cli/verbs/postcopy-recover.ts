import { recoverPostcopyDomain } from '../../domain/postcopy/postcopy-recover.ts'
import type { Verb } from '../verb.ts'

interface Flags {
  readonly image?: string
}

/** `postcopy-recover DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--image <file>', 'where the image is now (default: where it was)'),
  example: 'stasis postcopy-recover web',
  run: async ([domain = ''], flags, { directories, signal }) => {
    const { name, image } = await recoverPostcopyDomain(domain, {
      ...directories,
      signal,
      image: flags.image,
    })
    return {
      text: `Domain '${name}' gets the rest of its memory from ${image}`,
      json: { type: 'result', name, image },
    }
  },
}
