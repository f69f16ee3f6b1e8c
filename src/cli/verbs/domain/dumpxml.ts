import { dumpDomainXml } from '../../../domain/status/dump-xml.ts'
import { declareXPath } from '../../options/xpath.ts'
import { xmlReport } from '../../reports/xml.ts'
import type { XPathFlags } from '../../reports/xpath.ts'
import type { Verb } from '../../verb.ts'

interface Flags extends XPathFlags {
  readonly inactive?: boolean
  readonly securityInfo?: boolean
  readonly migratable?: boolean
  readonly updateCpu?: boolean
}

/** `dumpxml DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareXPath(
      command
        .argument('<domain>', 'name, UUID or id')
        .option('--inactive', 'the definition, even while the domain runs from other XML')
        .option('--security-info', 'show the passwords of displays')
        .option('--migratable', 'for another host: without the choices of QEMU, with passwords')
        .option(
          '--update-cpu',
          'accepted and ignored: QEMU chooses the processor of <cpu mode="host-model">',
        ),
    ),
  looks: true,
  example: "stasis dumpxml web > web.xml\nstasis dumpxml web --xpath '//disk/source/@file'",
  run: async ([domain = ''], flags, { directories, signal }) => {
    const { inactive, securityInfo, migratable } = flags
    const options = { ...directories, signal, inactive, securityInfo, migratable }
    return xmlReport(await dumpDomainXml(domain, options), flags)
  },
}
