import { dumpDomainXml } from '../../domain/catalogue/dump-xml.ts'
import type { Verb } from '../verb.ts'

/** `dumpxml DOMAIN` */
export const verb: Verb<{ readonly inactive?: boolean; readonly securityInfo?: boolean }> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--inactive', 'the definition, even while the domain runs from other XML')
      .option('--security-info', 'show the passwords of displays'),
  looks: true,
  example: 'stasis dumpxml web > web.xml',
  run: async ([domain = ''], { inactive, securityInfo }, { directories, signal }) => {
    const xml = await dumpDomainXml(domain, { ...directories, signal, inactive, securityInfo })
    return { text: xml.trimEnd(), json: { xml } }
  },
}
