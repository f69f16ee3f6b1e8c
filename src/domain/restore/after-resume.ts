import { messageOf } from '../../errors.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { StasisError } from '../../errors.ts'
import { thawGuest } from '../machine/freeze.ts'
import { openAgent } from '../machine/agent.ts'
import { runGuestCommand } from '../machine/guest-command.ts'
import type { Act } from '../acts/keep-act.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'

/** A QEMU whose memory is arriving may wait for a page, forever where that page is damaged. */
const ANNOUNCE_MS = 1000

/** Actions for a guest that was just resumed. */
export interface WakingOptions {
  /** Its file systems were frozen for its save. */
  readonly frozen?: boolean | undefined
  /** Set its clock through the agent inside it. */
  readonly syncTime?: boolean | undefined
  /** The purpose of the restore. */
  readonly act: Act
  /** Called for each action that failed. */
  readonly onWarning?: ((text: string) => void) | undefined
}

/**
 * Announces the guest's present place to the network, as after a migration, thaws its file systems, sets its clock if requested, and runs the command of the configuration in it. The guest already
 * runs, so a failure is only a warning.
 */
export async function afterResume(
  held: HeldDomain,
  control: QmpConnection,
  options: WakingOptions,
): Promise<void> {
  // QEMU's own values for a migration (qapi/net.json, `AnnounceParameters`).
  await control
    .execute(
      'announce-self',
      { initial: 50, max: 550, rounds: 5, step: 100 },
      { timeoutMs: ANNOUNCE_MS },
    )
    .catch(() => undefined)
  // First, because a frozen agent sets no clock.
  if (options.frozen === true)
    await thawGuest(held.name, held.paths).catch((error: StasisError) =>
      options.onWarning?.(`${error.message}. ${error.hint}`),
    )
  if (options.syncTime === true)
    await setClock(held).catch((error: unknown) =>
      options.onWarning?.(`the clock of the guest could not be set: ${messageOf(error)}`),
    )
  const command = options.act.guestCommand('after-restore')
  if (command !== undefined)
    await runGuestCommand(held.paths, command, {
      onResult: options.act.keepGuestCommand.bind(options.act),
    }).catch((error: unknown) => options.onWarning?.(messageOf(error)))
}

async function setClock({ name, paths }: HeldDomain): Promise<void> {
  using agent = await openAgent(name, paths)
  // Nanoseconds; a double is exact to a quarter of a microsecond here.
  await agent.execute('guest-set-time', { time: Date.now() * 1_000_000 })
}
