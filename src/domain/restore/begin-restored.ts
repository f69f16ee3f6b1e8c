import { isRefusedRun } from '../../migration/run-state.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import type { LaunchedMachine } from '../machine/launch/launch-machine.ts'
import type { RuntimeRecord } from '../store/runtime-record.ts'
import { beginGuest } from './check-stale.ts'
import { resumeForward } from './resume-forward.ts'

/** The end of a restore, once the machine is complete. */
interface Beginning {
  /** Whether the guest runs, or stays paused. */
  readonly runs: boolean
  readonly facts: Pick<RuntimeRecord, 'restoredFrom' | 'frozen'>
  /** Lets the processors run; calls `onRunning` as soon as they do. */
  readonly resume: (onRunning: () => void) => Promise<void>
  /** Lets the machine outlive this process. */
  readonly keep: () => void
}

/** Records that a restored machine is the guest, and lets it run unless it stays paused. @throws the errors of `resume`; StorageError */
export async function beginRestored(
  held: HeldDomain,
  domain: Domain,
  machine: LaunchedMachine,
  { runs, facts, resume, keep }: Beginning,
): Promise<RuntimeRecord> {
  await machine.keepArrived()
  if (!runs) {
    const record = await machine.markComplete(facts)
    keep()
    return record
  }
  await held.confirmOwner()
  const begun = await beginGuest(held, { ...machine.completed, ...facts }, domain)
  try {
    await resumeForward(resume(keep), { paths: held.paths, machine, keep })
  } catch (error) {
    if (isRefusedRun(error)) await begun.takeBack()
    throw error
  }
  return begun.record
}
