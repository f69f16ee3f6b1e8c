import { dirname, join, sep } from 'node:path'

const root = join(import.meta.dirname, '../../..')
const OURS = [join(root, 'src') + sep, join(root, '.bundle') + sep]

/** More frames name the operation, fewer put calls of one line together. */
const MAX_FRAMES = 6

/**
 * The lines of Stasis that a call comes from, innermost first, as `file:line:column` joined by spaces; `undefined` for a call that Node makes for itself, such as
 * loading a module, and for the start of the command line.
 */
export function callers(): string | undefined {
  const before = Error.stackTraceLimit
  Error.stackTraceLimit = 60
  const stack = new Error().stack ?? ''
  Error.stackTraceLimit = before
  const found: string[] = []
  for (const line of stack.split('\n').slice(1)) {
    const [, file = '', at = ''] =
      /(?:file:\/\/)?((?:\/|node:)[^():]*):(\d+:\d+)\)?$/.exec(line) ?? []
    if (file.startsWith('node:internal/modules')) return undefined
    if (dirname(file) === import.meta.dirname || !OURS.some((ours) => file.startsWith(ours)))
      continue
    if (found.length === 0 && file.endsWith('/entry.cjs')) return undefined
    found.push(`${file.slice(root.length + 1)}:${at}`)
  }
  return found.length === 0 ? undefined : found.slice(0, MAX_FRAMES).join(' ')
}

/** A path without the parts that differ from run to run: process ids, random names, the directory of the test. */
export function kindOfPath(path: string): string {
  const within = process.env['STASIS_FAULT_DIR'] ?? ''
  const short = within !== '' && path.startsWith(within) ? path.slice(within.length) : path
  return short
    .replace(/socket:\[\d+\]/, 'socket')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{20,}/g, 'UUID')
    .replace(/[0-9a-f]{16,}/g, 'HEX')
    .replace(/\/proc\/\d+/, '/proc/PID')
    .replace(/\/fd\/\d+/, '/fd/N')
    .replace(/\d+-\d+(-[0-9a-f]{8})?\.partial/, 'P-N.partial')
    .replace(/(stasis-[a-z]+-)\w{6}/, '$1RANDOM')
    .replace(/\d{2,}/g, 'N')
}
