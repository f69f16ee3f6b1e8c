import { setTimeout as delay } from 'node:timers/promises'
import { StasisError } from '../../errors.ts'
import { findByArgument } from '../../qemu/process/find-by-argument.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { logAct } from '../store/host/act-log.ts'
import type { Directories } from '../store/directories.ts'
import { isBrought, readPostcopyRecord } from '../store/postcopy-record.ts'
import { runtimePaths } from '../store/runtime-paths.ts'
import { startSupervisor } from './page-server-process.ts'
import { PAGE_SERVER_PROGRAM } from './page-server-program.ts'

/** A lazy restore that was killed. */
export interface KilledRestore {
  readonly name: string
  readonly directories: Directories
  /** Id of the restore, see `PostcopyRecord`. */
  readonly id: string
  /** The pid of the restoring process, for the log. */
  readonly pid: number
}

const LOOK_MS = 100

/**
 * Starts a supervisor for a guest whose restore was killed before a page server took over. If that guest has not run yet, taking its lock ends
 * its QEMU, as the next command would. A page server that was starting when the process was killed starts a supervisor itself, so this waits for it.
 * @throws StasisError
 */
export async function settleKilledRestore(killed: KilledRestore): Promise<void> {
  const { name, directories, id, pid } = killed
  const paths = runtimePaths(directories, name)
  while ((await readPostcopyRecord(paths))?.id === id) {
    if ((await settle(killed)) === 'settled') return
    await delay(LOOK_MS)
  }
  await logAct(directories, name, `process ${pid}, which was restoring it, was killed`)
}

async function settle({ name, directories, id, pid }: KilledRestore): Promise<'settled' | 'wait'> {
  try {
    await using held = await HeldDomain.named(name, 'continue', directories)
    const { paths, record: running } = held
    const record = await readPostcopyRecord(paths)
    if (running === undefined || record?.id !== id) return 'wait'
    if (record.fault !== undefined || (await isBrought(record))) return 'settled'
    if ((await findByArgument(id)).some((other) => other !== process.pid)) return 'wait'
    const { stateDir } = directories
    await startSupervisor(paths, { program: PAGE_SERVER_PROGRAM, id, stateDir })
    const act = `process ${pid}, which was restoring it, was killed; another loads its memory`
    await logAct(directories, name, act)
    return 'settled'
  } catch (error) {
    if (StasisError.is(error, 'DOMAIN_BUSY')) return 'wait'
    throw error
  }
}
