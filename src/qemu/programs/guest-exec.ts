import { setTimeout as delay } from 'node:timers/promises'
import type { ProgramEnd } from '../../io/processes/run-program.ts'
import type { GuestAgent } from './guest-agent.ts'

/** A command in a guest. */
export interface GuestExec {
  /** The program and its arguments. No shell reads them. */
  readonly command: readonly string[]
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

const OUTPUT_LENGTH = 4096
const FIRST_LOOK_MS = 20
const LONGEST_LOOK_MS = 500

/**
 * Runs a command in a guest and waits for its end. The agent cannot kill it, so a command that takes too long, or that is cancelled, continues in the guest. Source: `guest-exec` and
 * `guest-exec-status` of QEMU qga/qapi-schema.json (7.2).
 * @throws QemuError QEMU_REFUSED if the guest cannot run it, QEMU_TIMEOUT if the agent does not answer
 */
export async function execInGuest(agent: GuestAgent, exec: GuestExec): Promise<ProgramEnd> {
  const { command, timeoutMs, signal } = exec
  const [path, ...arg] = command
  const deadline = performance.now() + timeoutMs
  const started = await agent.execute('guest-exec', { path, arg, 'capture-output': true })
  const { pid } = fieldsOf(started)
  for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(lookMs * 2, LONGEST_LOOK_MS)) {
    const status = fieldsOf(await agent.execute('guest-exec-status', { pid }))
    if (status['exited'] === true) return endOf(status)
    if (signal?.aborted === true) return { end: 'cancelled', status: '', output: '' }
    if (performance.now() >= deadline) return { end: 'time-limit', status: '', output: '' }
    await delay(lookMs, undefined, { signal }).catch(() => undefined)
  }
}

/** The guest decides what is in it. */
function fieldsOf(answer: unknown): Readonly<Record<string, unknown>> {
  return typeof answer === 'object' && answer !== null ? { ...answer } : {}
}

function endOf(status: Readonly<Record<string, unknown>>): ProgramEnd {
  const { exitcode, signal, 'out-data': out, 'err-data': err } = status
  const output = [out, err].map(decoded).join('').slice(-OUTPUT_LENGTH)
  if (typeof exitcode === 'number') return { end: 'exit', status: exitcode, output }
  return { end: 'signal', status: `signal ${Number(signal)}`, output }
}

function decoded(data: unknown): string {
  return typeof data === 'string' ? Buffer.from(data, 'base64').toString('utf8') : ''
}
