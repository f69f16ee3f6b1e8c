import { type AllowFlags, allowed, declareTrust } from '../../options/allow.ts'
import { type NetworkFlags, declareNetworks, networksOf } from '../../options/networks.ts'
import { checkAndReport } from '../../reports/image-check.ts'
import { ignoreUnsupportedOption } from '../../options/ignore-unsupported.ts'
import type { Verb } from '../../verb.ts'
import { readXmlOption } from '../../options/xml-file.ts'

interface Flags extends AllowFlags, NetworkFlags {
  readonly xml?: string
  readonly ignoreUnsupported?: boolean
}

/** `image-check FILE` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareNetworks(declareTrust(command))
      .argument('<file>', 'a save image')
      .option('--xml <file>', 'domain XML that the restore would use')
      .addOption(ignoreUnsupportedOption()),
  looks: true,
  example: 'stasis image-check /backup/web.save',
  run: async ([file = ''], flags, invocation) => {
    const { directories, signal, output } = invocation
    const options = {
      ...directories,
      signal,
      xml: await readXmlOption(flags.xml, signal),
      ignoreUnsupported: flags.ignoreUnsupported,
      allow: allowed(flags),
      ...networksOf(flags),
      onWarning: output.warn,
    }
    return checkAndReport(file, options, invocation)
  },
}
