import { UsageError } from '../../errors.ts'
import { findRunning } from '../catalogue/running-entry.ts'
import { openAgent } from '../machine/agent.ts'
import { checkOptions } from '../store/check-options.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'

/** A command of the guest agent (QEMU qga/qapi-schema.json). */
export interface AgentCommand {
  readonly execute: string
  readonly arguments?: Readonly<Record<string, unknown>> | undefined
}

/** How to talk to the agent. */
export interface AgentOptions extends DomainOptions {
  /** How long to wait for the answer. Default 5 s; `Infinity`: forever. */
  readonly timeoutMs?: number | undefined
}

/**
 * Sends a command to the agent inside a running guest and returns its answer.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE if the domain has no channel for an agent; QemuError QEMU_TIMEOUT if none answers, QEMU_REFUSED; UsageError
 * @example
 * const info = await agentCommand('web', { execute: 'guest-info' })
 */
export async function agentCommand(
  reference: string,
  command: AgentCommand,
  options: AgentOptions = {},
): Promise<unknown> {
  checkOptions(options)
  if (typeof (command as AgentCommand | undefined)?.execute !== 'string')
    throw new UsageError('BAD_ARGUMENT', 'A command of the agent must have the field "execute"')
  const { name, paths } = await findRunning(await openDirectories(options), reference)
  using agent = await openAgent(name, paths)
  const { timeoutMs } = options
  return await agent.execute(command.execute, command.arguments, { timeoutMs })
}
