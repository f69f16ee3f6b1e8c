import { openDirectories } from '../store/directories.ts'
import { waitForAllMemory } from '../store/postcopy-state.ts'
import type { FirstOutput } from './first-output.ts'
import type { RestoreOptions, RestoreResult } from './restore-request.ts'
import { runtimePaths } from '../store/runtime-paths.ts'

/**
 * Waits for the further conditions of a restore without holding the domain; returns the result with their times.
 * @throws DomainError DOMAIN_WRONG_STATE when the memory will not arrive, CancelledError
 */
export async function waitForMore(
  result: RestoreResult,
  options: RestoreOptions & {
    readonly output: FirstOutput | undefined
    /** The start of the restore on the clock of `performance.now()`. */
    readonly startMs: number
  },
): Promise<RestoreResult> {
  const { wait, output, startMs, signal } = options
  const { name, state, mode, timing } = result
  const filled = async (): Promise<number | undefined> => {
    if (mode !== 'lazy' || wait === undefined || wait === 'output') return timing.allRamMs
    const paths = runtimePaths(await openDirectories(options), name)
    await waitForAllMemory(name, paths, signal, ({ image, remainingBytes }) =>
      options.onProgress?.({ phase: 'waiting-for-memory', image, remainingBytes }),
    )
    return performance.now() - startMs
  }
  const written = async (): Promise<number | undefined> =>
    output === undefined || state === 'paused' ? undefined : (await output.at(signal)) - startMs
  const [allRamMs, firstOutputMs] = await Promise.all([filled(), written()])
  const imageNeeded =
    allRamMs !== undefined && result.imageNeeded?.until === 'memory-loaded'
      ? undefined
      : result.imageNeeded
  return { ...result, imageNeeded, timing: { ...timing, allRamMs, firstOutputMs } }
}
