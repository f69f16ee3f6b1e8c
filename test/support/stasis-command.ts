import './allow.ts'
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'

/** The command of this checkout. */
export const command: string = join(import.meta.dirname, '../../bin/stasis')

/** How a command ended. */
export interface CommandResult {
  /** -1 if a signal ended it. */
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** A running command. */
export interface RunningCommand {
  readonly child: ChildProcess
  readonly ended: Promise<CommandResult>
}

/** Starts `bin/stasis` as a user would, with the state directory and `more` in the environment. */
export function startStasis(
  stateDir: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): RunningCommand {
  const env = { ...process.env, STASIS_STATE_DIR: stateDir, ...more }
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()))
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()))
  const ended = new Promise<CommandResult>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ exitCode: code ?? -1, stdout, stderr }))
  })
  return { child, ended }
}

/** Runs `bin/stasis` to its end. */
export function stasis(stateDir: string, ...args: readonly string[]): Promise<CommandResult> {
  return startStasis(stateDir, args).ended
}

/** `stasis` with further environment variables. */
export function stasisWith(
  surroundings: { readonly stateDir: string; readonly env: Readonly<Record<string, string>> },
  ...args: readonly string[]
): Promise<CommandResult> {
  return startStasis(surroundings.stateDir, args, surroundings.env).ended
}
