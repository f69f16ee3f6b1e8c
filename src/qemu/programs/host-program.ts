import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { inOneLine } from '../../errors.ts'
import { cleanEnvironment } from '../../io/processes/clean-environment.ts'

const run = promisify(execFile)

const TIMEOUT_MS = 20_000

/** How a program of this host answered. */
export type Answer =
  | { readonly kind: 'done'; readonly output: string }
  /** `code` is its exit code; `undefined`: it was killed, or could not be run. */
  | { readonly kind: 'failed'; readonly code: number | undefined; readonly reason: string }

/** Runs a program that does one thing and ends. */
export async function runHostProgram(program: string, argv: readonly string[]): Promise<Answer> {
  const options = { env: cleanEnvironment(), timeout: TIMEOUT_MS, cwd: '/' }
  try {
    return { kind: 'done', output: (await run(program, argv, options)).stdout }
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string }
    const reason = inOneLine(stderr?.trim() || String(error))
    return { kind: 'failed', code: typeof code === 'number' ? code : undefined, reason }
  }
}
