import { Option } from 'commander'
import { defineManagedSave } from '../../domain/define-managed-save.ts'
import type { Verb } from '../verb.ts'
import { readXmlFile } from '../xml-file.ts'

interface Flags {
  readonly running?: boolean
  readonly paused?: boolean
}

/** `managedsave-define DOMAIN FILE` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name or UUID')
      .argument('<file>', 'domain XML; the guest must not see a difference')
      .addOption(new Option('--running', 'let the guest run when it starts').conflicts('paused'))
      .addOption(new Option('--paused', 'leave the guest paused').conflicts('running')),
  example: 'stasis managedsave-define web web.xml',
  run: async ([domain = '', file = ''], flags, { directories, signal }) => {
    const text = (await readXmlFile(file))?.text ?? ''
    const { name } = await defineManagedSave(
      domain,
      { text, path: file },
      {
        ...directories,
        signal,
        resumeAs: flags.running === true ? 'running' : flags.paused === true ? 'paused' : undefined,
      },
    )
    return {
      text: `Managed save state file of domain '${name}' updated.`,
      json: { type: 'result', name },
    }
  },
}
