import { StasisError } from '../../errors.ts'
import { cancelMigration } from '../../migration/cancel.ts'
import { resetMigration } from '../../migration/reset.ts'
import { contVm, stopVm } from '../../migration/run-state.ts'
import type { QmpConnection } from '../../qmp/connection.ts'

/** A guest that is halted for a save. */
export interface HaltedGuest {
  /** Stops its processors. */
  halt(signal: AbortSignal | undefined): Promise<void>
  /**
   * After a failure: resumes the guest if it ran before, over a new connection if the first one was lost. Returns its present state in words; never
   * fails.
   */
  resume(): Promise<string>
}

/** Prepares to halt a guest. `running`: whether it runs now; `reconnect` makes another connection to the same monitor. */
export function haltGuest(
  name: string,
  control: QmpConnection,
  running: boolean,
  reconnect: () => Promise<QmpConnection>,
): HaltedGuest {
  const resumeOver = async (qmp: QmpConnection): Promise<string> => {
    if (!running) return 'it is still paused'
    await contVm(qmp)
    return 'it is still running'
  }
  const resumeAnew = async (): Promise<string> => {
    await using again = await reconnect()
    // The lost connection cannot have cancelled it.
    await cancelMigration(again)
    await resetMigration(again).catch(() => undefined)
    return await resumeOver(again)
  }
  return {
    async halt(signal): Promise<void> {
      await stopVm(control, { signal })
    },
    async resume(): Promise<string> {
      try {
        if (control.state === 'ready') return await resumeOver(control)
      } catch {
        if (control.state === 'ready') return pausedNow(name)
      }
      return resumeAnew().catch((error: unknown) =>
        StasisError.is(error, 'QEMU_DIED') ? 'its QEMU is gone' : pausedNow(name),
      )
    },
  }
}

function pausedNow(name: string): string {
  return `it is paused now; \`stasis resume ${name}\` resumes it`
}
