import { UsageError } from '../../errors.ts'

/** A command in JSON, for QEMU or for the guest agent. */
export interface JsonCommand {
  readonly execute: string
  readonly arguments?: Readonly<Record<string, unknown>>
}

/**
 * Reads a command as virsh does: as JSON (`{"execute":"query-status"}`), or as a name (`query-status`) and then its arguments in JSON. The arguments may omit their outer braces (`block_resize '"device":"a"'`).
 * @throws UsageError BAD_ARGUMENT
 */
export function jsonCommand(words: readonly string[]): JsonCommand {
  const text = words.join(' ').trim()
  if (text.startsWith('{')) {
    const { execute, arguments: args } = parsed(text)
    if (typeof execute !== 'string')
      throw new UsageError('BAD_ARGUMENT', `The command has no field "execute": ${text}`)
    return { execute, ...(isObject(args) && { arguments: args }) }
  }
  const [execute = '', ...rest] = words
  const given = rest.join(' ').trim()
  if (given === '') return { execute }
  return { execute, arguments: parsed(given.startsWith('{') ? given : `{${given}}`) }
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch {
    // Not JSON.
  }
  throw new UsageError('BAD_ARGUMENT', `This is not a JSON object: ${text}`, {
    hint: `Such as '{"execute":"query-status"}', or the name alone: query-status`,
  })
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
