import { readDescription } from '../../../image/open-image.ts'
import { shownXml } from '../../../qemu/domain-xml/passwords.ts'
import { declareXPath } from '../../options/xpath.ts'
import { xmlReport } from '../../reports/xml.ts'
import type { XPathFlags } from '../../reports/xpath.ts'
import type { Verb } from '../../verb.ts'

/** `save-image-dumpxml FILE` */
export const verb: Verb<XPathFlags & { readonly securityInfo?: boolean }> = {
  declare: (command) =>
    declareXPath(
      command
        .argument('<file>', 'a save image')
        .option('--security-info', 'show the passwords of displays'),
    ),
  looks: true,
  example: 'stasis save-image-dumpxml /backup/web.save',
  run: async ([file = ''], flags) => {
    const { xml } = await readDescription(file)
    return xmlReport(shownXml(xml, { show: flags.securityInfo === true }), flags)
  },
}
