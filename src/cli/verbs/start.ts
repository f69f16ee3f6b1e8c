import { startDomain } from '../../domain/start.ts'
import { attachConsole } from '../console-terminal.ts'
import type { Verb } from '../verb.ts'

interface Flags {
  readonly paused?: boolean
  readonly console?: boolean
  readonly ignoreUnsupported?: boolean
}

/** `start DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name or UUID')
      .option('--paused', 'leave the guest paused')
      .option('--console', 'connect the terminal to its serial console')
      .option('--ignore-unsupported', 'start it without the parts that Stasis does not know'),
  example: 'stasis start web --console',
  run: async ([domain = ''], flags, { directories, signal, output }) => {
    const { paused, ignoreUnsupported } = flags
    const started = await startDomain(domain, {
      ...directories,
      signal,
      paused,
      ignoreUnsupported,
      onWarning: (text) => output.note(`warning: ${text}`),
    })
    const { name, uuid, id } = started
    const text = `Domain '${name}' started`
    if (flags.console === true) {
      output.note(text)
      await attachConsole(name, { directories, signal, output })
      return undefined
    }
    return { text, json: { type: 'result', name, uuid, id } }
  },
}
