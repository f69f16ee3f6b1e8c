import { Option } from 'commander'
import { changeMedia, drivePreview } from '../../../domain/devices/change-media.ts'
import { type AllowFlags, declareAllow } from '../../options/allow.ts'
import type { Verb } from '../../verb.ts'

interface Flags extends Pick<AllowFlags, 'allow'> {
  readonly eject?: boolean
  readonly insert?: boolean
  readonly update?: boolean
  readonly live?: boolean
  readonly config?: boolean
  readonly current?: boolean
  readonly force?: boolean
  readonly block?: boolean
  readonly printXml?: boolean
}

const DONE = { eject: 'ejected', insert: 'inserted', update: 'updated' } as const

/** `change-media DOMAIN PATH [SOURCE]` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareAllow(command)
      .argument('<domain>', 'name, UUID or id')
      .argument('<path>', 'a CD-ROM or floppy drive: its name in the guest, or its medium')
      .argument('[source]', 'the new medium')
      .addOption(
        new Option('--eject', 'take the medium out').conflicts(['insert', 'update', 'source']),
      )
      .addOption(new Option('--insert', 'put a medium into an empty drive').conflicts('update'))
      .option('--update', 'replace the medium, or insert one (the default)')
      .option('--live', 'change the running domain')
      .option('--config', 'change the definition')
      .addOption(
        new Option(
          '--current',
          'change the running domain, or else the definition (the default)',
        ).conflicts(['live', 'config']),
      )
      .option('--force', 'open the drive even if the guest has locked it')
      .option('--block', 'the new medium is a block device')
      .option('--print-xml', 'show the XML of the drive and change nothing'),
  looks: (_args, { printXml }) => printXml === true,
  example: 'stasis change-media web sda --eject',
  run: async ([domain = '', path = '', source], flags, { directories, signal, output }) => {
    const action: keyof typeof DONE =
      flags.eject === true ? 'eject' : flags.insert === true ? 'insert' : 'update'
    const { live, config, force, block, allow } = flags
    const options = {
      ...{ ...directories, signal, action, source, block, live, config, force, allow },
      onWarning: output.warn,
    }
    if (flags.printXml === true) {
      const xml = await drivePreview(domain, path, options)
      return { text: xml, json: { xml } }
    }
    const { name, target } = await changeMedia(domain, path, options)
    return {
      text: `Successfully ${DONE[action]} media.`,
      json: { type: 'result', name, target, action },
    }
  },
}
