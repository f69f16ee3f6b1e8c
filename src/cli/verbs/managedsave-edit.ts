import { Option } from 'commander'
import { defineManagedSave } from '../../domain/define-managed-save.ts'
import { dumpManagedSaveXml } from '../../domain/managed-save.ts'
import { editText } from '../edit-text.ts'
import type { Verb } from '../verb.ts'

interface Flags {
  readonly running?: boolean
  readonly paused?: boolean
}

/** `managedsave-edit DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name or UUID')
      .addOption(new Option('--running', 'let the guest run when it starts').conflicts('paused'))
      .addOption(new Option('--paused', 'leave the guest paused').conflicts('running')),
  example: 'EDITOR=nano stasis managedsave-edit web',
  run: async ([domain = ''], flags, { directories, signal }) => {
    const old = await dumpManagedSaveXml(domain, { ...directories, signal })
    const resumeAs =
      flags.running === true ? 'running' : flags.paused === true ? 'paused' : undefined
    const text = await editText(old, 'domain.xml')
    if (text === undefined && resumeAs === undefined)
      return { text: 'The XML was not changed', json: { type: 'result', changed: false } }
    const xml = { text: text ?? old }
    const { name } = await defineManagedSave(domain, xml, { ...directories, signal, resumeAs })
    return {
      text: `Managed save state file of domain '${name}' edited.`,
      json: { type: 'result', name, changed: true },
    }
  },
}
