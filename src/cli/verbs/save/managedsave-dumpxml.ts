import { dumpManagedSaveXml } from '../../../domain/save/managed-save.ts'
import { shownXml } from '../../../qemu/domain-xml/passwords.ts'
import { declareXPath } from '../../options/xpath.ts'
import { xmlReport } from '../../reports/xml.ts'
import type { XPathFlags } from '../../reports/xpath.ts'
import type { Verb } from '../../verb.ts'

/** `managedsave-dumpxml DOMAIN` */
export const verb: Verb<XPathFlags & { readonly securityInfo?: boolean }> = {
  declare: (command) =>
    declareXPath(
      command
        .argument('<domain>', 'name or UUID')
        .option('--security-info', 'show the passwords of displays'),
    ),
  looks: true,
  example: 'stasis managedsave-dumpxml web',
  run: async ([domain = ''], flags, { directories, signal }) => {
    const whole = await dumpManagedSaveXml(domain, { ...directories, signal })
    return xmlReport(shownXml(whole, { show: flags.securityInfo === true }), flags)
  },
}
