import { setTimeout as delay } from 'node:timers/promises'
import type { RunState } from '../../qmp/replies.ts'
import type { LaunchedMachine } from '../machine/launch/launch-machine.ts'
import { queryRunState } from '../catalogue/run-state.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'

/** QEMU may still have to read a command that reached it before the connection broke. */
const SETTLE_MS = 100

/** States of a machine that was never resumed. */
const HAS_NOT_RUN: ReadonlySet<RunState> = new Set([
  'inmigrate',
  'prelaunch',
  'paused',
  'restore-vm',
])

/**
 * Waits until a guest runs. A guest that may have run is never ended: its disks may have changed, and the image would no longer fit them. So when
 * QEMU's answer is lost, another connection asks for its state; a guest that runs is kept.
 * @throws the error of `resumed` when the guest has not run
 */
export async function resumeForward(
  resumed: Promise<void>,
  {
    paths,
    machine,
    keep,
  }: { readonly paths: RuntimePaths; readonly machine: LaunchedMachine; readonly keep: () => void },
): Promise<void> {
  try {
    await resumed
  } catch (error) {
    if (machine.control.state === 'ready' || machine.isDetached) throw error
    await delay(SETTLE_MS)
    const state = await queryRunState(paths)
    if (state === undefined || HAS_NOT_RUN.has(state)) throw error
    keep()
  }
}
