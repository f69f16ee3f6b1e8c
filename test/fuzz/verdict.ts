import { errorText } from '../../src/cli/reports/error.ts'
import { StasisError } from '../../src/errors.ts'
import type { FuzzParser } from './parser.ts'

/** The longest message of an error, and of what the command line prints about it. */
const MAX_MESSAGE = 4096
const MAX_TEXT = 32 * 1024

// oxlint-disable-next-line eslint/no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
// oxlint-disable-next-line eslint/no-control-regex
const CONTROL_IN_TEXT = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/

/** What is wrong with an error that a parser threw; `undefined` when it is one that may leave it. */
export function faultOf(error: unknown, { expected = [] }: FuzzParser): string | undefined {
  if (!(error instanceof Error)) return `threw ${typeof error}, which is not an error`
  if (!(error instanceof StasisError)) {
    if (!expected.some((kind) => error instanceof kind)) return `foreign ${describe(error)}`
    return messageFault(error)
  }
  if (error.code === 'INTERNAL') return `internal ${describe(error)}`
  if (typeof error.code !== 'string' || error.code === ('' as string))
    return 'an error without a code'
  return messageFault(error) ?? textFault(errorText(error, { debug: false }))
}

function messageFault({ message }: Error): string | undefined {
  if (message === '') return 'an error without a message'
  if (message.length > MAX_MESSAGE) return `a message of ${message.length} characters`
  return CONTROL.test(message) ? `a control character in ${JSON.stringify(message)}` : undefined
}

function textFault(text: string): string | undefined {
  if (text.length > MAX_TEXT) return `a text of ${text.length} characters for the terminal`
  return CONTROL_IN_TEXT.test(text) ? `a control character in ${JSON.stringify(text)}` : undefined
}

function describe(error: Error): string {
  return `${error.name}: ${error.message.slice(0, 500)}`
}
