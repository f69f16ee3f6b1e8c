import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from '../../errors.ts'

/** A path, or a `file:` URL, as Node's own functions accept it. */
export type FilePath = string | URL

/**
 * The absolute path of a caller's argument; `what` describes it in messages: `the image`.
 * @throws UsageError BAD_ARGUMENT when it is not a path
 */
export function givenPath(value: FilePath, what: string): string {
  if (value instanceof URL && value.protocol === 'file:') return fileOf(value, what)
  if (typeof value !== 'string') {
    throw new UsageError(
      'BAD_ARGUMENT',
      `The path of ${what} must be a string, not ${kindOf(value)}`,
    )
  }
  if (value === '') throw new UsageError('BAD_ARGUMENT', `The path of ${what} is empty`)
  if (value.includes('\0')) {
    throw new UsageError('BAD_ARGUMENT', `The path of ${what} contains a NUL character`)
  }
  return resolve(value)
}

function fileOf(url: URL, what: string): string {
  try {
    return fileURLToPath(url)
  } catch (cause) {
    throw new UsageError('BAD_ARGUMENT', `${url.href} is not a path of ${what}`, { cause })
  }
}

/** Describes a value in a message about an argument of the wrong type. */
export function kindOf(value: unknown): string {
  if (value instanceof URL) return `the URL ${value.href}`
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number' || typeof value === 'boolean') return `the ${typeof value} ${value}`
  return `a value of type ${typeof value}`
}
