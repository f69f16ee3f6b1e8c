import type { QmpConnection } from '../../qmp/connection.ts'
import { contAtOnce, isRunning, runState, stopAtOnce } from '../../migration/run-state.ts'
import { NO_IMAGE } from '../catalogue/disks-in-use.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { openControl } from '../machine/monitor.ts'
import { haltGuest } from '../save/halted-guest.ts'
import { watchSave } from '../save/save-watcher.ts'
import { type RuntimeRecord, writeRecord } from '../store/runtime-record.ts'

/** How a guest is stopped for a moment. */
interface StopOptions {
  readonly control: QmpConnection
  readonly record: RuntimeRecord
  /** A file that the work writes; what is left of it is removed if this process is killed. */
  readonly file: string
  readonly signal?: AbortSignal | undefined
  /** The guest stays stopped when the work has succeeded. */
  readonly stays?: boolean | undefined
}

/**
 * Does a work while the guest is stopped, and lets it continue if it ran. If this process is killed meanwhile, the watcher of saves continues the guest. Returns the result, and
 * for how long the guest stood, in milliseconds by QEMU's own clock.
 * @throws the errors of `work`; QemuError
 */
export async function whileStopped<Result>(
  held: HeldDomain,
  { control, record, file, signal, stays = false }: StopOptions,
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly pauseMs: number }> {
  const running = isRunning(await runState(control))
  await using _watcher = watchSave(held)
  const saving = { path: file, imageId: NO_IMAGE, running: running && !stays }
  await writeRecord(held.paths, { ...record, saving })
  const guest = haltGuest(held.name, control, running, () => openControl(held.paths))
  using events = control.listen('STOP', 'RESUME')
  try {
    if (running) await stopAtOnce(control, { signal })
    const result = await work()
    if (running && !stays) await contAtOnce(control)
    await writeRecord(held.paths, { ...record, saving: undefined })
    const times: number[] = []
    while (running && !stays && times.length < 2) {
      const event = await events.next({ timeoutMs: 1000 })
      if (event === undefined) break
      times.push(event.timeMs)
    }
    const [stopped = 0, resumed = stopped] = times
    return { result, pauseMs: resumed - stopped }
  } catch (error) {
    await writeRecord(held.paths, { ...record, saving: undefined }).catch(() => undefined)
    await guest.resume()
    throw error
  }
}
