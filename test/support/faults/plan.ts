import * as fs from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { callers, kindOfPath } from './place.ts'

/**
 * What happens instead of a call: it fails with an errno, moves fewer bytes (`SHORT`), or reports the end (`ZERO`); `KILL`: its process is killed;
 * `QEMU`: the QEMU of the domain `tiny` is killed before the call.
 */
export type Fault = string

/** Originals, because the layer replaces them. */
const { closeSync, openSync, readFileSync, writeSync } = fs

interface PlannedFault {
  readonly call: string
  readonly code: Fault
  /** From 1; counted in each thread by itself. */
  readonly nth: number
  /** `@` and a key of a place, or a part of the path. */
  readonly where: string
}

const plan = parsePlan(process.env['STASIS_FAULT'])
const recordFile = process.env['STASIS_FAULT_RECORD']
const record = recordFile === undefined ? undefined : openSync(recordFile, 'a')
const fired = process.env['STASIS_FAULT_FIRED']
let seen = 0
const counts = new Map<string, number>()

/** Whether a call has to be looked at, so that programs under a journal alone stay fast. */
export const isPlanned: boolean = plan !== undefined || record !== undefined

/** Precedes each call of the layer: the fault to make, if it is this call's turn. `path` is only read if needed. */
export function consult(call: string, pathOf: () => string, place?: string): Fault | undefined {
  if (!isPlanned || (record === undefined && plan?.call !== call)) return undefined
  const lines = place ?? callers()
  if (lines === undefined) return undefined
  const path = pathOf()
  const key = keyOf(call, lines, path)
  if (record !== undefined) {
    const count = (counts.get(key) ?? 0) + 1
    counts.set(key, count)
    writeSync(record, `${JSON.stringify({ call, key, lines, path: kindOfPath(path), count })}\n`)
  }
  if (plan === undefined || plan.call !== call) return undefined
  const isHere = plan.where.startsWith('@')
    ? plan.where.slice(1) === key
    : path.includes(plan.where)
  if (!isHere) return undefined
  seen += 1
  if (seen !== plan.nth || !isFirstToFire()) return undefined
  report(`planned fault: ${call} ${plan.code} ${path}\n`)
  if (plan.code === 'KILL') process.kill(process.pid, 'SIGKILL')
  if (plan.code === 'QEMU') return killQemu()
  return plan.code
}

/** The call itself does not fail. */
function killQemu(): undefined {
  const record = join(process.env['STASIS_FAULT_DIR'] ?? '', 'state/run/tiny/process.json')
  try {
    const { pid } = JSON.parse(readFileSync(record, 'utf8')) as { readonly pid: number }
    process.kill(pid, 'SIGKILL')
  } catch {
    // There is none yet, or it is dead.
  }
}

/** The error that Node or libuv gives for an errno. */
export function faultError(call: string, code: Fault, path: string): Error {
  return Object.assign(new Error(`${code}: planned fault, ${call} '${path}'`), {
    code,
    errno: -errnoOf(code),
    syscall: call,
    path,
  })
}

/** The number of an errno on Linux. */
export function errnoOf(code: Fault): number {
  const more: Readonly<Record<string, number>> = { ENOLCK: 37, EDQUOT: 122, EOPNOTSUPP: 95 }
  return constants.errno[code as keyof typeof constants.errno] ?? more[code] ?? 5
}

/** How many bytes a call that is cut short moves: what a kernel could do, so whole pages if there are some; `undefined` when there is no less. */
export function shortened(length: number): number | undefined {
  if (length < 2 || length === 4096) return undefined
  return length < 8192 ? Math.floor(length / 2) : Math.floor(length / 8192) * 4096
}

function keyOf(call: string, lines: string, path: string): string {
  let hash = 5381
  for (const character of `${call} ${lines} ${kindOfPath(path)}`)
    hash = (Math.imul(hash, 33) ^ character.charCodeAt(0)) >>> 0
  let other = 0
  for (const character of `${kindOfPath(path)} ${lines}`)
    other = (Math.imul(other, 31) + character.charCodeAt(0)) >>> 0
  return hash.toString(36) + other.toString(36)
}

/** Processes and threads of an operation run the same lines: only one of them fails. */
function isFirstToFire(): boolean {
  if (fired === undefined) return true
  try {
    closeSync(openSync(fired, 'wx'))
    return true
  } catch {
    return false
  }
}

/** A fault that the operation survives would otherwise be invisible. */
function report(text: string): void {
  if (fired === undefined) writeSync(2, text)
  else {
    const file = openSync(fired, 'a')
    writeSync(file, text)
    closeSync(file)
  }
}

function parsePlan(text: string | undefined): PlannedFault | undefined {
  if (text === undefined || text === '') return undefined
  const [call = '', code = '', nth = '1', ...where] = text.split(':')
  return { call, code, nth: Number(nth), where: where.join(':') }
}
