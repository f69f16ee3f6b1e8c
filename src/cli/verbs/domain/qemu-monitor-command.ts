import { Option } from 'commander'
import { printable } from '../../../errors.ts'
import { monitorCommand } from '../../../domain/devices/monitor-command.ts'
import { jsonCommand } from '../../options/json-command.ts'
import { replyText, returnedBy } from '../../reports/monitor-reply.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly hmp?: boolean
  readonly pretty?: boolean
  readonly returnValue?: boolean
}

/** `qemu-monitor-command DOMAIN COMMAND…` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .argument('<cmd...>', "a command in JSON or its name; with --hmp, one of QEMU's console")
      .addOption(
        new Option('--hmp', "the command is one of QEMU's console").conflicts([
          'pretty',
          'returnValue',
        ]),
      )
      .option('--pretty', 'show the reply in many lines')
      .option('--return-value', 'show only the returned value; a refusal is an error'),
  example: 'stasis qemu-monitor-command web \'{"execute":"query-status"}\'',
  run: async ([domain = '', ...words], flags, { directories, signal }) => {
    const options = { ...directories, signal }
    const { hmp, returnValue } = flags
    const command =
      hmp === true
        ? {
            execute: 'human-monitor-command',
            arguments: { 'command-line': words.join(' ') },
          }
        : jsonCommand(words)
    const reply = await monitorCommand(domain, command, options)
    const json = { type: 'result', reply }
    if (hmp === true) {
      const lines = String(returnedBy(reply, words.join(' ')))
        .trimEnd()
        .split(/\r?\n/)
      return { text: lines.map(printable).join('\n'), json }
    }
    const shown = returnValue === true ? returnedBy(reply, command.execute) : reply
    return { text: replyText(shown, flags), json }
  },
}
