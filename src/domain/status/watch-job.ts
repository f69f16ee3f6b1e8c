import { setTimeout as delay } from 'node:timers/promises'
import { DomainError, QemuError, throwIfCancelled } from '../../errors.ts'
import { writeText } from '../../io/records/text-file.ts'
import { findEntry } from '../catalogue/catalogue.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import type { JobRecord } from '../progress/job.ts'
import { activeJob, readJob } from '../store/job-record.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'

const LOOK_MS = 50
const PATIENCE_MS = 60_000

/** Which job to look for. */
export interface JobInfoOptions extends DomainOptions {
  /** The job that ended last instead of the one in progress. */
  readonly completed?: boolean | undefined
}

/**
 * The save or restore of a domain, given by name, UUID or id, that a process is doing now, or that ended last; `undefined` if there is
 * none.
 * @throws DomainError DOMAIN_NOT_FOUND
 * @example
 * const job = await jobInfo('web')
 * if (job?.progress?.phase === 'transferring') console.log(`${job.operation}: ${job.progress.percent} %`)
 */
export async function jobInfo(
  reference: string,
  options: JobInfoOptions = {},
): Promise<JobRecord | undefined> {
  const paths = await jobPaths(reference, options)
  return options.completed === true ? readJob(paths.lastJob) : activeJob(paths)
}

/**
 * Cancels the save or restore of a domain that a process is doing now, and waits until it has ended. The guest continues as before.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_WRONG_STATE if there is none; QemuError QEMU_TIMEOUT, StorageError, CancelledError
 * @example
 * const { outcome } = await abortJob('web') // cancelled
 */
export async function abortJob(
  reference: string,
  options: DomainOptions = {},
): Promise<{ readonly name: string; readonly outcome: JobRecord['outcome'] }> {
  const { name } = await findEntry(await openDirectories(options), reference)
  const paths = await jobPaths(reference, options)
  const job = await activeJob(paths)
  if (job === undefined)
    throw new DomainError('DOMAIN_WRONG_STATE', `Domain '${name}' has no active job`)
  await writeText(paths.jobAbort, job.id, { durable: false })
  const deadline = performance.now() + PATIENCE_MS
  while ((await activeJob(paths))?.id === job.id) {
    throwIfCancelled('wait for the end of the job', options.signal)
    if (performance.now() > deadline) {
      throw new QemuError(
        'QEMU_TIMEOUT',
        `Process ${job.process.pid} did not end its ${job.operation} within ${PATIENCE_MS / 1000} s`,
        { hint: 'It may be waiting for a disk that does not respond' },
      )
    }
    await delay(LOOK_MS)
  }
  const last = await readJob(paths.lastJob)
  return { name, outcome: last?.id === job.id ? last.outcome : undefined }
}

async function jobPaths(reference: string, options: DomainOptions): Promise<RuntimePaths> {
  return (await findEntry(await openDirectories(options), reference)).paths
}
