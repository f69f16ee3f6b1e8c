import { CancelledError, DomainError, StasisError } from '../../errors.ts'
import { execInGuest } from '../../qemu/programs/guest-exec.ts'
import type { GuestCommand } from '../configuration/configuration.ts'
import { describeEnd } from '../hooks/run-hooks.ts'
import type { GuestCommandResult } from '../journal/entry.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { hasAgentChannel, openAgent } from './agent.ts'

/** How to run a command in a guest. */
export interface GuestCommandOptions {
  /** Called with how the command ended, also if it failed. */
  readonly onResult?: ((result: GuestCommandResult) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs a command in a running guest through the agent inside it. Returns whether it ran: a command for all guests does not run in one that has no channel for an agent.
 * @throws as `openAgent`; DomainError GUEST_COMMAND_FAILED, CancelledError
 */
export async function runGuestCommand(
  paths: RuntimePaths,
  planned: GuestCommand,
  { onResult, signal }: GuestCommandOptions = {},
): Promise<boolean> {
  const { when, command, isForAll, timeLimitMs } = planned
  if (isForAll && !(await hasAgentChannel(paths))) return false
  using agent = await openAgent(paths.name, paths)
  const exec = { command, timeoutMs: timeLimitMs, signal }
  const result = await execInGuest(agent, exec).catch((error: unknown) => {
    if (StasisError.is(error, 'QEMU_REFUSED')) throw failure(paths, planned, error.message, error)
    throw error
  })
  const { end, status, output } = result
  if (end === 'cancelled')
    throw new CancelledError(`run a command in the guest of '${paths.name}'`, signal?.reason)
  onResult?.({ when, command, status: end === 'time-limit' ? end : status, output })
  if (end === 'exit' && status === 0) return true
  throw failure(paths, planned, describeEnd(result, planned))
}

function failure(
  { name }: RuntimePaths,
  { command: [program], when }: GuestCommand,
  reason: string,
  cause?: unknown,
): DomainError {
  const message = `The command ${program} in the guest of domain '${name}' failed: ${reason}`
  const hint = `agent.${when} of the configuration names it: docs/hooks.md`
  return new DomainError('GUEST_COMMAND_FAILED', message, { cause, hint })
}
