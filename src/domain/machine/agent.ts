import { join } from 'node:path'
import { DomainError } from '../../errors.ts'
import { GuestAgent } from '../../qemu/programs/guest-agent.ts'
import { liveDomain } from '../catalogue/live-domain.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'

/** The name of the agent's channel. */
export const AGENT_CHANNEL = 'org.qemu.guest_agent.0'

/**
 * Connects to the agent inside a running guest.
 * @throws DomainError DOMAIN_WRONG_STATE when the domain has no channel for one, QemuError QEMU_TIMEOUT when none answers
 */
export async function openAgent(name: string, paths: RuntimePaths): Promise<GuestAgent> {
  const path = await agentSocket(paths)
  if (path !== undefined) return GuestAgent.connect(path)
  throw new DomainError('DOMAIN_WRONG_STATE', `Domain '${name}' has no channel for a guest agent`, {
    hint: `Add <channel type='unix'><target type='virtio' name='${AGENT_CHANNEL}'/></channel>`,
  })
}

/** Whether the domain has a channel for an agent. */
export async function hasAgentChannel(paths: RuntimePaths): Promise<boolean> {
  return (await agentSocket(paths)) !== undefined
}

/** The socket of the agent's channel; `undefined` when the domain has none. */
async function agentSocket(paths: RuntimePaths): Promise<string | undefined> {
  const { channels } = await liveDomain(paths)
  const index = channels.findIndex(({ name }) => name === AGENT_CHANNEL)
  const backend = channels[index]?.backend
  if (backend?.type !== 'unix' || backend.mode === 'connect') return undefined
  return backend.path ?? join(paths.directory, `channel${index}.sock`)
}
