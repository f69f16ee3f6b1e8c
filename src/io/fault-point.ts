import { writeSync } from 'node:fs'
import { constants } from 'node:os'

/** The calls of the operating system that a test can make fail. */
export type FaultCall =
  | 'open'
  | 'read'
  | 'write'
  | 'fsync'
  | 'rename'
  | 'link'
  | 'unlink'
  | 'truncate'
  | 'fallocate'
  | 'flock'
  | 'mkdir'

/** A planned failure: the `nth` call (from 1) of its kind whose path contains `path` fails with the error `code`. */
interface PlannedFault {
  readonly call: string
  readonly code: string
  readonly nth: number
  readonly path: string
}

const VARIABLE = 'STASIS_FAULT'

let planned: PlannedFault | undefined = parsePlan(process.env[VARIABLE])
let seen = 0

/**
 * Precedes each call that touches a file. It does nothing unless the environment variable `STASIS_FAULT` selects this call: `fsync:EIO:2:/backup`
 * makes the second fsync of a path that contains `/backup` fail with EIO. `npm run test:faults` uses it to make every call of an operation fail in
 * turn.
 */
export function faultPoint(call: FaultCall, path: string): void {
  if (planned === undefined || planned.call !== call || !path.includes(planned.path)) return
  seen += 1
  if (seen !== planned.nth) return
  const { code } = planned
  planned = undefined
  // A fault that the operation survives would otherwise be invisible.
  writeSync(2, `planned fault: ${call} ${code} ${path}\n`)
  throw Object.assign(new Error(`${code}: planned fault, ${call} '${path}'`), {
    code,
    errno: -(constants.errno[code as keyof typeof constants.errno] ?? 0),
    syscall: call,
    path,
  })
}

function parsePlan(text: string | undefined): PlannedFault | undefined {
  if (text === undefined || text === '') return undefined
  const [call = '', code = '', nth = '1', ...path] = text.split(':')
  return { call, code, nth: Number(nth), path: path.join(':') }
}
