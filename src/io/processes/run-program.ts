import { spawn } from 'node:child_process'

/** A program to run. */
export interface ProgramRun {
  readonly path: string
  readonly args: readonly string[]
  /** The whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly input: string
  readonly timeoutMs: number
  /** Ends the program. */
  readonly signal?: AbortSignal | undefined
}

/** How a program ended. */
export interface ProgramEnd {
  /** `time-limit` and `cancelled`: it was killed. */
  readonly end: 'exit' | 'signal' | 'time-limit' | 'cancelled'
  /** The exit code, or the name of the signal. */
  readonly status: number | string
  /** The last lines of both outputs. */
  readonly output: string
}

const OUTPUT_LENGTH = 4096
/** A child that it leaves behind may hold its output open. */
const CLOSE_MS = 200

/**
 * Runs a program in a session of its own, with `input` on its standard input, and waits for its end. When its time is up, it is killed with the processes that it has
 * started. @throws the error of Node if it cannot be started
 */
export async function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  const { path, args, env, input, timeoutMs, signal } = run
  const child = spawn(path, args, { cwd: '/', env: { ...env }, detached: true, stdio: 'pipe' })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => (output = (output + text).slice(-OUTPUT_LENGTH)))
  }
  // The program need not read its input.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  let end: ProgramEnd['end'] = 'exit'
  const kill = (why: 'time-limit' | 'cancelled'): void => {
    end = why
    // Its pid is also that of its session.
    if (child.pid !== undefined) killGroup(child.pid)
  }
  const cancel = (): void => kill('cancelled')
  const timer = setTimeout(() => kill('time-limit'), timeoutMs)
  signal?.addEventListener('abort', cancel, { once: true })
  if (signal?.aborted === true) cancel()
  try {
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
    const [code, name] = await new Promise<readonly [number | null, string | null]>(
      (resolve, reject) => {
        child.once('error', reject)
        child.once('exit', (...facts) => resolve(facts))
      },
    )
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())])
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
    return {
      end: end === 'exit' && code === null ? 'signal' : end,
      status: code ?? name ?? '',
      output,
    }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', cancel)
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}
