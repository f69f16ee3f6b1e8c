import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** A QEMU that a test starts with plain arguments, without Stasis. It is killed at the end of its scope. */
export interface BareQemu extends AsyncDisposable {
  readonly pid: number
  /** Its output to standard error so far. */
  stderr(): string
  /** Resolves with the exit code, or `null` if a signal ended it. */
  readonly exited: Promise<number | null>
}

/** Starts a QEMU. It dies with the test process, however that ends. Throws if it cannot be started. */
export async function startBareQemu(emulator: string, argv: readonly string[]): Promise<BareQemu> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', emulator, ...argv], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve))
  await once(child, 'spawn')
  if (child.pid === undefined) throw new Error(`${emulator} has no pid`)
  return {
    pid: child.pid,
    stderr: () => stderr,
    exited,
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill('SIGKILL')
      await exited
    },
  }
}
