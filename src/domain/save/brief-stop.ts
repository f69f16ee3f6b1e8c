import type { QmpConnection } from '../../qmp/connection.ts'
import { contAtOnce, contVm, isRunning, runState, stopAtOnce } from '../../migration/run-state.ts'
import { NO_IMAGE } from '../catalogue/disks-in-use.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { openControl } from '../machine/monitor.ts'
import { haltGuest } from './halted-guest.ts'
import { watchSave } from './save-watcher.ts'
import { type RuntimeRecord, readRecord, writeRecord } from '../store/runtime-record.ts'

/** How a guest is stopped for a moment. */
interface StopOptions {
  readonly control: QmpConnection
  readonly record: RuntimeRecord
  /** A file that the work writes; what is left of it is removed if this process is killed. */
  readonly file: string
  readonly signal?: AbortSignal | undefined
  /** The guest stays stopped when the work has succeeded, and the record still names the stop: see `continueStopped`. */
  readonly stays?: boolean | undefined
  /** Runs just before the stop, when the record already says that this process stops the guest. */
  readonly beforeStop?: (() => Promise<void>) | undefined
}

/**
 * Does a work while the guest is stopped, and lets it continue if it ran. If this process is killed meanwhile, the watcher of saves continues the guest. Returns the result, and
 * for how long the guest was stopped, in milliseconds by QEMU's own clock.
 * @throws the errors of `work`; QemuError
 */
export async function whileStopped<Result>(
  held: HeldDomain,
  { control, record, file, signal, stays = false, beforeStop }: StopOptions,
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly pauseMs: number }> {
  const running = isRunning(await runState(control))
  await using _watcher = watchSave(held)
  const saving = { path: file, imageId: NO_IMAGE, running }
  await writeRecord(held.paths, { ...record, saving })
  const guest = haltGuest(held.name, control, running, () => openControl(held.paths))
  using events = control.listen('STOP', 'RESUME')
  try {
    await beforeStop?.()
    if (running) await stopAtOnce(control, { signal })
    const result = await work()
    if (stays) return { result, pauseMs: 0 }
    if (running) await contAtOnce(control)
    await writeRecord(held.paths, { ...record, saving: undefined })
    const times: number[] = []
    while (running && times.length < 2) {
      const event = await events.next({ timeoutMs: 1000 })
      if (event === undefined) break
      times.push(event.timeMs)
    }
    const [stopped = 0, resumed = stopped] = times
    return { result, pauseMs: resumed - stopped }
  } catch (error) {
    // First, so that whoever finds the record of a killed process still lets the guest continue.
    await guest.resume()
    await writeRecord(held.paths, { ...record, saving: undefined }).catch(() => undefined)
    throw error
  }
}

/** Lets a guest continue that `whileStopped` has left stopped, if it ran before. @throws QemuError, StorageError */
export async function continueStopped(held: HeldDomain): Promise<void> {
  const record = await readRecord(held.paths)
  if (record?.saving?.imageId !== NO_IMAGE) return
  if (record.saving.running) {
    await using control = await openControl(held.paths)
    await contVm(control)
  }
  await writeRecord(held.paths, { ...record, saving: undefined })
}
