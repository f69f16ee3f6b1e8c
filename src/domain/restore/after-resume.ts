import type { QmpConnection } from '../../qmp/connection.ts'
import { openAgent } from '../machine/agent.ts'
import type { HeldDomain } from '../store/held-domain.ts'

/** A QEMU whose guest is being filled may wait for a page, for ever where that is damaged. */
const ANNOUNCE_MS = 1000

/** What is done for a guest that has just gone on. */
export interface WakingOptions {
  /** Set its clock through the agent inside it. */
  readonly syncTime?: boolean | undefined
  /** Told what of it could not be done. */
  readonly onWarning?: ((text: string) => void) | undefined
}

/**
 * Tells the network where the guest is now, as after a migration, and sets its clock when that was asked for. The guest runs already, so
 * what fails is a warning.
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
  if (options.syncTime !== true) return
  try {
    using agent = await openAgent(held.name, held.paths)
    // Nanoseconds; a double is exact to a quarter of a microsecond here.
    await agent.execute('guest-set-time', { time: Date.now() * 1_000_000 })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    options.onWarning?.(`the clock of the guest was not set: ${reason}`)
  }
}
