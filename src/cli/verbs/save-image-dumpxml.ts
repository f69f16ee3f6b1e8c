import { readDescription } from '../../image/open-image.ts'
import { hidePasswords } from '../../qemu/domain-xml/passwords.ts'
import type { Verb } from '../verb.ts'

/** `save-image-dumpxml FILE` */
export const verb: Verb<{ readonly securityInfo?: boolean }> = {
  declare: (command) =>
    command
      .argument('<file>', 'a save image')
      .option('--security-info', 'show the passwords of displays'),
  looks: true,
  example: 'stasis save-image-dumpxml /backup/web.save',
  run: async ([file = ''], { securityInfo }) => {
    const { xml: whole } = await readDescription(file)
    const xml = securityInfo === true ? whole : hidePasswords(whole)
    return { text: xml.trimEnd(), json: { xml } }
  },
}
