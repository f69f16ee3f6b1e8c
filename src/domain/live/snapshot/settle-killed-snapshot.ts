import { setTimeout as delay } from 'node:timers/promises'
import { StasisError } from '../../../errors.ts'
import { HeldDomain } from '../../catalogue/held-domain.ts'
import { thawGuest } from '../../machine/freeze.ts'
import { logAct } from '../../store/host/act-log.ts'
import type { Directories } from '../../store/directories.ts'
import { runtimePaths } from '../../store/runtime-paths.ts'
import { type SnapshotMark, readRecord } from '../../store/runtime-record.ts'

/** A domain whose snapshot was killed. */
export interface KilledSnapshot {
  readonly name: string
  readonly directories: Directories
  /** The pid of the killed process, for the log. */
  readonly pid: number
  /** Descriptor 4 is the connection on which QEMU sends. */
  readonly holds: boolean
}

const LOOK_MS = 50

/** How often it tries to end the snapshot: QEMU may need minutes for it if we may not permit writes. */
const ATTEMPTS = 40

/**
 * Ends the snapshot of a process that was killed, as the next command would: taking the domain's lock does it. Waits while another command works on the domain.
 * @throws StasisError
 */
export async function settleKilledSnapshot(killed: KilledSnapshot): Promise<void> {
  const { name, directories, pid } = killed
  for (let attempts = 0; attempts < ATTEMPTS;) {
    const snapshot = await unsettled(killed)
    if (snapshot === undefined) return
    try {
      await using held = await HeldDomain.named(name, 'continue', directories)
      const settled = held.record?.snapshot === undefined
      const end = settled ? 'the guest continues' : 'its snapshot of memory could not be ended'
      if (settled && snapshot.freezes === true && held.record?.frozen === true)
        await thawGuest(name, held.paths)
      await logAct(directories, name, `process ${pid}, which was saving it, was killed; ${end}`)
      if (settled) return
      attempts += 1
    } catch (error) {
      if (!StasisError.is(error, 'DOMAIN_BUSY')) throw error
    }
    await delay(LOOK_MS)
  }
}

async function unsettled({ name, directories }: KilledSnapshot): Promise<SnapshotMark | undefined> {
  return (await readRecord(runtimePaths(directories, name)))?.snapshot
}
