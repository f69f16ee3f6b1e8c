import type { QmpConnection } from '../../qmp/connection.ts'

/** Something that is done once a guest that was stopped runs again. */
export interface WhenResumed extends Disposable {
  /** Does it now if the guest was not stopped at all, and returns what it returned. */
  finish(): Promise<string>
}

/** Does something at QEMU's next event RESUME, and at the latest when it is finished. `act` never throws. */
export function whenResumed(control: QmpConnection, act: () => Promise<string>): WhenResumed {
  const events = control.listen('RESUME')
  let done: Promise<string> | undefined
  const once = (): Promise<string> => (done ??= act())
  const wait = async (): Promise<void> => {
    if ((await events.next()) !== undefined) await once()
  }
  // The monitor is gone: then `finish` reports it.
  wait().catch(() => undefined)
  return {
    finish: once,
    [Symbol.dispose]: () => events[Symbol.dispose](),
  }
}
