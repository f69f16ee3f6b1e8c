import { recoverPostcopyDomain } from '../../../domain/postcopy/postcopy-recover.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly image?: string
}

/** `postcopy-recover DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--image <file>', 'the image, if it has moved since the restore'),
  example: 'stasis postcopy-recover web',
  run: async ([domain = ''], flags, { directories, signal }) => {
    const { name, image } = await recoverPostcopyDomain(domain, {
      ...directories,
      signal,
      image: flags.image,
    })
    return {
      text: `Loading the rest of the memory of domain '${name}' from ${image}`,
      json: { type: 'result', name, image },
    }
  },
}
