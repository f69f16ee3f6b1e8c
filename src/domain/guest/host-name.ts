import { QemuError } from '../../errors.ts'
import { agentCommand, type AgentOptions } from './agent-command.ts'

/**
 * The name that a running guest has for itself, from the agent inside it.
 * @throws the errors of `agentCommand`
 * @example
 * console.log(await guestHostName('web'))
 */
export async function guestHostName(
  reference: string,
  options: AgentOptions = {},
): Promise<string> {
  const answer = await agentCommand(reference, { execute: 'guest-get-host-name' }, options)
  const name = (answer as { readonly 'host-name'?: unknown } | null)?.['host-name']
  if (typeof name === 'string') return name
  throw new QemuError('QEMU_STREAM', 'The guest agent answered guest-get-host-name without a name')
}
