import { contVm, stopVm } from '../../migration/run-state.ts'
import type { QmpConnection } from '../../qmp/connection.ts'

/** A guest that is halted for a save. */
export interface HaltedGuest {
  /** Stops its processors. */
  halt(signal: AbortSignal | undefined): Promise<void>
  /** After a failure: resumes the guest if it ran before. Returns its present state in words; never fails. */
  resume(): Promise<string>
}

/** Prepares to halt a guest; `running`: whether it runs now. */
export function haltGuest(name: string, control: QmpConnection, running: boolean): HaltedGuest {
  return {
    async halt(signal): Promise<void> {
      await stopVm(control, { signal })
    },
    async resume(): Promise<string> {
      if (control.state !== 'ready') return 'its QEMU is gone'
      if (!running) return 'it is still paused'
      try {
        await contVm(control)
        return 'it is still running'
      } catch {
        return control.state === 'ready'
          ? `it is paused now; \`stasis resume ${name}\` resumes it`
          : 'its QEMU is gone'
      }
    },
  }
}
