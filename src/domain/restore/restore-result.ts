import { resolve } from 'node:path'
import type { SavedMachine } from '../../image/saved-machine.ts'
import type { RestorePlan } from './restore-plan.ts'
import type { RestoreResult } from './restore-request.ts'

/** Builds the result of a restore. */
export function restoreResult(
  image: Pick<SavedMachine, 'path' | 'format'>,
  { domain, uuid }: Pick<RestorePlan, 'domain' | 'uuid'>,
  outcome: Pick<RestoreResult, 'id' | 'state' | 'mode' | 'modeReason' | 'imageNeeded' | 'timing'>,
): RestoreResult {
  const ramBytes = domain.memoryBytes
  return {
    name: domain.name,
    uuid,
    id: outcome.id,
    path: resolve(image.path),
    format: image.format,
    state: outcome.state,
    mode: outcome.mode,
    modeReason: outcome.modeReason,
    imageNeeded: outcome.imageNeeded,
    ramBytes,
    timing: outcome.timing,
    throughputBytesPerSecond: (ramBytes / outcome.timing.totalMs) * 1000,
  }
}
