import { findRunning } from '../catalogue/running-entry.ts'
import { openQuery } from '../machine/monitor.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { activeJob } from '../store/job-record.ts'

/** Whether a running domain can be controlled: `job` while a process saves or restores it, and for how many milliseconds so far. */
export interface ControlState {
  readonly state: 'ok' | 'job'
  readonly elapsedMs: number
}

/** @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY when QEMU does not answer; StorageError */
export async function controlState(
  reference: string,
  options: DomainOptions,
): Promise<ControlState> {
  const { paths } = await findRunning(await openDirectories(options), reference)
  const job = await activeJob(paths)
  if (job !== undefined) return { state: 'job', elapsedMs: Date.now() - Date.parse(job.startedAt) }
  await using monitor = await openQuery(paths, options.signal)
  await monitor.execute('query-status', {}, { signal: options.signal })
  return { state: 'ok', elapsedMs: 0 }
}
