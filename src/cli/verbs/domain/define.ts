import { defineDomain } from '../../../domain/lifecycle/define.ts'
import { type AllowFlags, declareAllow } from '../../options/allow.ts'
import { type NetworkFlags, declareNetwork } from '../../options/networks.ts'
import { readXmlFile } from '../../options/xml-file.ts'
import { ignoreUnsupportedOption } from '../../options/ignore-unsupported.ts'
import type { Verb } from '../../verb.ts'
import { type TakeOverFlags, takeOverOption } from '../../options/take-over.ts'

interface Flags extends Pick<AllowFlags, 'allow'>, Pick<NetworkFlags, 'network'>, TakeOverFlags {
  readonly ignoreUnsupported?: boolean
  readonly removeManagedSave?: boolean
  readonly validate?: boolean
}

/** `define FILE` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareNetwork(declareAllow(command))
      .argument('<file>', 'libvirt domain XML')
      .addOption(ignoreUnsupportedOption())
      .option('--validate', 'accepted: Stasis always checks the XML')
      .option(
        '--remove-managed-save',
        'delete the managed save of the domain whose definition changes',
      )
      .addOption(takeOverOption()),
  example: 'stasis define web.xml',
  run: async (
    [file = ''],
    { ignoreUnsupported, removeManagedSave, allow, network: networks, takeOver },
    { directories, signal, output },
  ) => {
    const { name, uuid } = await defineDomain(await readXmlFile(file, signal), {
      ...directories,
      signal,
      ignoreUnsupported,
      removeManagedSave,
      takeOver,
      allow,
      networks,
      onWarning: output.warn,
    })
    return { text: `Domain '${name}' defined from ${file}`, json: { type: 'result', name, uuid } }
  },
}
