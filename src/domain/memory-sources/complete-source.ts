import { throwIfCancelled } from '../../errors.ts'
import { contVm } from '../../migration/run-state.ts'
import { type LaunchNeeds, NEEDS_NOTHING } from '../machine/launch/launch-needs.ts'
import type { BringOptions, Brought, MemorySource, WaitingQemu } from './memory-source.ts'

/** The parts in which complete sources differ. */
export interface CompleteParts {
  readonly launchNeeds?: LaunchNeeds | undefined
  readonly bring: (qemu: WaitingQemu, options: BringOptions) => Promise<void>
  readonly brought: Brought
  /** May be called more than once. */
  readonly dispose?: () => PromiseLike<void>
}

/** A source that is complete before the guest runs: nothing needs to outlive the restore. */
export function completeSource(parts: CompleteParts): MemorySource {
  const { launchNeeds = NEEDS_NOTHING, bring, brought, dispose } = parts
  return {
    launchNeeds,
    async bring(qemu, options) {
      await bring(qemu, options)
      return brought
    },
    async resume(control, { signal, onRunning }) {
      throwIfCancelled('resume the guest', signal)
      // From here on only forward: a cancelled wait would not keep QEMU from running the guest, and an ended guest may have changed its disks.
      await contVm(control)
      onRunning()
    },
    detach: () => () => Promise.resolve(),
    [Symbol.asyncDispose]: async () => dispose?.(),
  }
}
