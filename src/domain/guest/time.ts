import { QemuError, UsageError } from '../../errors.ts'
import { agentCommand, type AgentOptions } from './agent-command.ts'

/**
 * The clock of a running guest, from the agent inside it.
 * @throws the errors of `agentCommand`
 * @example
 * const late = Date.now() - (await guestTime('web')).getTime()
 */
export async function guestTime(reference: string, options: AgentOptions = {}): Promise<Date> {
  const nanoseconds = await agentCommand(reference, { execute: 'guest-get-time' }, options)
  const date = new Date(typeof nanoseconds === 'number' ? nanoseconds / 1_000_000 : Number.NaN)
  if (!Number.isNaN(date.getTime())) return date
  throw new QemuError(
    'QEMU_STREAM',
    'The answer of the guest agent to guest-get-time is not a time',
  )
}

/**
 * Sets the clock of a running guest through the agent inside it: to `time`, or, without `time`, to the time of its hardware clock.
 * @throws the errors of `agentCommand`
 * @example
 * await setGuestTime('web', new Date())
 */
export async function setGuestTime(
  reference: string,
  time?: Date,
  options: AgentOptions = {},
): Promise<void> {
  if (time !== undefined && !(time instanceof Date && !Number.isNaN(time.getTime())))
    throw new UsageError('BAD_ARGUMENT', 'The time must be a valid Date')
  const given = time === undefined ? {} : { arguments: { time: time.getTime() * 1_000_000 } }
  await agentCommand(reference, { execute: 'guest-set-time', ...given }, options)
}
