import type { CommanderError } from 'commander'
import { UsageError } from '../errors.ts'

/** What commander complains about, in our form. `verb` is the one that was called. */
export function commandLineFault(
  error: CommanderError,
  complaint: string,
  verb?: string,
): UsageError {
  if (error.code === 'commander.help') return noVerb()
  const help = `\`stasis ${verb === undefined ? '' : `${verb} `}--help\` shows what is possible`
  const [message = '', suggestion] = complaint
    .trim()
    .replace(/^error: /, '')
    .split('\n')
  return new UsageError('BAD_ARGUMENT', `${message[0]?.toUpperCase()}${message.slice(1)}`, {
    hint: suggestion?.replace(/^\((.*)\)$/, '$1') ?? help,
  })
}

/** There is nothing to do. */
export function noVerb(): UsageError {
  return new UsageError('BAD_ARGUMENT', 'No verb was given', {
    hint: '`stasis --help` lists them',
  })
}
