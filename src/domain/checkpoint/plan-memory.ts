import { StasisError } from '../../errors.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { checkDestination } from '../catalogue/files/destination.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { resolveLiveOptions } from '../live/live-options.ts'
import { type LivePlan, planLive } from '../live/plan-live.ts'
import { type SavePlan, planSave } from '../save/plan-save.ts'
import { resolveSaveOptions } from '../save/save-options.ts'
import { type RunningOptions, isLive } from './running-options.ts'

/** Checks everything that the memory of a checkpoint at `path` needs, and chooses its way. Changes nothing. */
export async function planMemory(
  held: HeldDomain,
  control: QmpConnection,
  path: string,
  options: RunningOptions,
): Promise<SavePlan | LivePlan> {
  const { signal } = options
  const kept = options.memoryPath === undefined
  if (!kept) await checkDestination(held.directories, path, { format: options.format })
  if (!isLive(options)) {
    const settings = resolveSaveOptions(options)
    return planSave(held, control, { ...options, settings, signal })
  }
  const settings = resolveLiveOptions(options)
  try {
    return await planLive(held, control, path, {
      ...options,
      settings,
      operation: 'checkpoint',
      kept,
    })
  } catch (error) {
    throw withStoppedHint(error, held.name)
  }
}

function withStoppedHint(error: unknown, name: string): unknown {
  if (!StasisError.is(error, 'DOMAIN_WRONG_STATE')) return error
  return error.with({ hint: `\`stasis checkpoint ${name} --stopped\` stops it for its memory` })
}
