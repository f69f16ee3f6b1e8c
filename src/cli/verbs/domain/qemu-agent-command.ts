import { Option } from 'commander'
import { UsageError } from '../../../errors.ts'
import { agentCommand } from '../../../domain/guest/agent-command.ts'
import { jsonCommand } from '../../options/json-command.ts'
import { integerBetween } from '../../options/option-values.ts'
import { replyText } from '../../reports/monitor-reply.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly timeout?: number
  readonly block?: boolean
  readonly async?: boolean
  readonly pretty?: boolean
}

/** `qemu-agent-command DOMAIN COMMAND…` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .argument('<cmd...>', 'a command of the guest agent, in JSON or by its name')
      .addOption(
        new Option('--timeout <seconds>', 'how long to wait for the answer (default: 5)')
          .argParser(integerBetween(1, 86_400))
          .conflicts('block'),
      )
      .option('--block', 'wait for the answer for as long as it takes')
      .option('--pretty', 'show the answer in many lines')
      .addOption(new Option('--async').hideHelp()),
  example: 'stasis qemu-agent-command web \'{"execute":"guest-info"}\' --pretty',
  run: async ([domain = '', ...words], flags, { directories, signal }) => {
    const { timeout, block } = flags
    if (flags.async === true)
      throw new UsageError('BAD_COMBINATION', 'Stasis always waits for the answer of the agent', {
        hint: '--timeout sets the time',
      })
    const timeoutMs = block === true ? Infinity : timeout === undefined ? undefined : timeout * 1000
    const options = { ...directories, signal, timeoutMs }
    const answer = await agentCommand(domain, jsonCommand(words), options)
    return {
      text: replyText({ return: answer }, flags),
      json: { type: 'result', return: answer },
    }
  },
}
