import { readDescription } from '../../image/open-image.ts'
import type { Verb } from '../verb.ts'

/** `save-image-dumpxml FILE` */
export const verb: Verb = {
  declare: (command) => command.argument('<file>', 'a save image'),
  looks: true,
  example: 'stasis save-image-dumpxml /backup/web.save',
  run: async ([file = '']) => {
    const { xml } = await readDescription(file)
    return { text: xml.trimEnd(), json: { xml } }
  },
}
