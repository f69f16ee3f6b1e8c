import { UsageError } from '../../errors.ts'

/** Longest name in bytes: with `.save` and the number of a channel file it still fits a directory entry. */
const MAX_NAME_LENGTH = 242

/**
 * Checks that a domain can have this name: the names that libvirt accepts, except those that cannot be part of a path.
 * @throws UsageError BAD_ARGUMENT
 */
export function checkDomainName(name: string): void {
  const fault = findFault(name)
  if (fault === undefined) return
  throw new UsageError(
    'BAD_ARGUMENT',
    `${JSON.stringify(name)} is not a valid domain name: ${fault}`,
  )
}

function findFault(name: string): string | undefined {
  if (typeof name !== 'string') return 'it is not a string'
  if (name === '') return 'it is empty'
  if (name === '.' || name === '..') return 'it is the name of a directory'
  if (name.includes('/')) return 'it contains a slash'
  // oxlint-disable-next-line eslint/no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'it contains a control character'
  if (Buffer.byteLength(name) > MAX_NAME_LENGTH) return `it is longer than ${MAX_NAME_LENGTH} bytes`
  return undefined
}

/** Whether a domain can have this name. */
export function isDomainName(name: string): boolean {
  return findFault(name) === undefined
}
