import { setTimeout as delay } from 'node:timers/promises'
import { cancelMigration } from '../../migration/cancel.ts'
import { resetMigration } from '../../migration/reset.ts'
import { contVm, runState } from '../../migration/run-state.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { onceFree } from '../catalogue/once-free.ts'
import { Configuration } from '../configuration/configuration.ts'
import { consumeManagedSave } from '../catalogue/consume-managed-save.ts'
import { thawGuest } from '../machine/freeze.ts'
import { runGuestCommand } from '../machine/guest-command.ts'
import { openControl } from '../machine/monitor.ts'
import { logAct } from '../store/host/act-log.ts'
import type { Directories } from '../store/directories.ts'
import { readLastEnd } from '../store/last-end.ts'
import { type RuntimePaths, runtimePaths } from '../store/runtime-paths.ts'
import { type RuntimeRecord, readRecord, writeRecord } from '../store/runtime-record.ts'

/** A domain whose save was killed. */
export interface KilledSave {
  readonly name: string
  readonly directories: Directories
  /** The pid of the saving process, for the log. */
  readonly pid: number
}

/** A monitor may still be closing the connection of the killed process. */
const ATTEMPTS = 5
const RETRY_MS = 1000

/**
 * Tidies up after a save that was killed, as the next command would, and resumes the guest. If the image is complete, it ends the guest's QEMU instead. Takes the domain's lock for that, so it waits
 * while another command works on the domain, and does nothing that the other has done: a guest that somebody has paused since stays paused.
 * @throws StasisError
 */
export async function settleKilledSave({ name, directories, pid }: KilledSave): Promise<void> {
  await onceFree(name, 'continue', directories, {
    isLeft: () => isUnsettled(name, directories),
    act: (held) => settle(held, pid),
  })
}

/** Whether the guest is still in the middle of a save, or stopped by one. */
async function isUnsettled(name: string, directories: Directories): Promise<boolean> {
  const record = await readRecord(runtimePaths(directories, name))
  return record !== undefined && (record.saving !== undefined || record.interrupted === true)
}

/** The holder of the lock has reconciled the domain, and proven that its QEMU is ours. */
async function settle(held: HeldDomain, pid: number): Promise<void> {
  const { name, paths, record, directories } = held
  const act = `process ${pid}, which was saving it, was killed`
  if (record === undefined) {
    const end = await readLastEnd(paths)
    const where = end?.image === undefined ? '' : ` in ${end.image}`
    await logAct(directories, name, `${act}; it has ended: ${end?.reason ?? 'unknown'}${where}`)
    return
  }
  if (record.interrupted !== true) return
  for (let attempt = 1; ; attempt += 1) {
    try {
      await resume(held, record)
      break
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
      await delay(RETRY_MS)
    }
  }
  await logAct(directories, name, `${act}; the guest was resumed`)
}

async function resume({ paths }: HeldDomain, record: RuntimeRecord): Promise<void> {
  await using control = await openControl(paths)
  const left = await cancelMigration(control)
  if (left !== undefined) await resetMigration(control)
  if ((await runState(control)) !== 'suspended') await contVm(control)
  // Only now: whoever finds the record before this still knows that the guest should run.
  const continued = { ...record, interrupted: undefined, continuedAt: new Date().toISOString() }
  await writeRecord(paths, continued)
  if (record.frozen === true) await thawGuest(paths.name, paths)
  await consumeManagedSave(paths, continued)
  await continueInGuest(paths).catch(() => undefined)
}

/** The killed save may have run its command in the guest. */
async function continueInGuest(paths: RuntimePaths): Promise<void> {
  const command = (await Configuration.read()).guestCommand('after-restore', paths.name)
  if (command !== undefined) await runGuestCommand(paths, command)
}
