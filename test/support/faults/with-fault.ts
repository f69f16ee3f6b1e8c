import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { type CommandResult, startStasis } from '../stasis-command.ts'
import type { TinyDomain } from '../tiny-domain.ts'
import { faultEnvironment } from './fault-environment.ts'

/** How a command ended in which a call was to fail. */
interface FaultedResult extends CommandResult {
  /** Whether the call was made, and failed. */
  readonly hasFailed: boolean
  /** Whether the fault killed the command. */
  readonly wasKilled: boolean
}

/** Runs a command on a domain in which a call fails; `fault` is as in `FaultOptions`. */
export async function withFault(
  { stateDir, dir }: TinyDomain,
  fault: string,
  ...argv: readonly string[]
): Promise<FaultedResult> {
  const fired = dir.join('fired')
  await rm(fired, { force: true })
  const env = faultEnvironment({ fault, fired, within: dir.path })
  const { child, ended } = startStasis(stateDir, argv, env)
  const result = await ended
  return { ...result, hasFailed: existsSync(fired), wasKilled: child.signalCode === 'SIGKILL' }
}
