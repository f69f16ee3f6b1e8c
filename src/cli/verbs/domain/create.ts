import { createDomain } from '../../../domain/lifecycle/create.ts'
import { type AllowFlags, declareAllow } from '../../options/allow.ts'
import { type NetworkFlags, declareNetworks, networksOf } from '../../options/networks.ts'
import { readXmlFile } from '../../options/xml-file.ts'
import { attachConsole } from '../../terminal/console-terminal.ts'
import { ignoreUnsupportedOption } from '../../options/ignore-unsupported.ts'
import type { Verb } from '../../verb.ts'
import { type TakeOverFlags, takeOverOption } from '../../options/take-over.ts'

interface Flags extends Pick<AllowFlags, 'allow'>, NetworkFlags, TakeOverFlags {
  readonly paused?: boolean
  readonly console?: boolean
  readonly validate?: boolean
  readonly ignoreUnsupported?: boolean
}

/** `create FILE` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareNetworks(declareAllow(command))
      .argument('<file>', 'libvirt domain XML')
      .option('--paused', 'leave the guest paused')
      .option('--console', 'connect the terminal to the serial console')
      .option('--validate', 'accepted: Stasis always checks the XML')
      .addOption(takeOverOption())
      .addOption(ignoreUnsupportedOption()),
  example: 'stasis create web.xml --paused',
  run: async ([file = ''], flags, { directories, signal, output }) => {
    const { paused, ignoreUnsupported, allow } = flags
    const created = await createDomain(await readXmlFile(file, signal), {
      ...directories,
      signal,
      paused,
      ignoreUnsupported,
      takeOver: flags.takeOver,
      allow,
      ...networksOf(flags),
      onWarning: output.warn,
    })
    const text = `Domain '${created.name}' created from ${file}`
    if (flags.console !== true) return { text, json: { type: 'result', ...created } }
    output.note(text)
    await attachConsole(created.name, { directories, signal, output })
    return undefined
  },
}
