import type { JobRecord } from '../../domain/progress/job.ts'
import { formatBytes, formatDuration } from '../terminal/quantity.ts'
import { formatFacts } from '../terminal/table.ts'

const OPERATIONS: Readonly<Record<JobRecord['operation'], string>> = {
  save: 'Save',
  managedsave: 'Managed save',
  restore: 'Restore',
  start: 'Restore of a managed save',
  checkpoint: 'Checkpoint',
}

const TYPES = { completed: 'Completed', failed: 'Failed', cancelled: 'Cancelled' } as const

/** A job as `domjobinfo` shows it. */
export function jobText(job: JobRecord | undefined): string {
  if (job === undefined) return formatFacts([['Job type', 'None']])
  const { operation, process, outcome, elapsedMs, progress, transfer, error } = job
  const facts: [string, string][] = [
    ['Job type', outcome === undefined ? 'Bounded' : TYPES[outcome]],
    ['Operation', OPERATIONS[operation]],
    ['Process', String(process.pid)],
    ['Time elapsed', formatDuration(elapsedMs)],
  ]
  if (outcome === undefined && progress !== undefined) facts.push(['Phase', progress.phase])
  if (transfer !== undefined && 'percent' in transfer) {
    const { percent, ramBytes, ramTotalBytes, transferredBytes, fileBytes } = transfer
    facts.push(
      ['Progress', `${Math.floor(percent)} %`],
      ['Memory', `${formatBytes(ramBytes)} of ${formatBytes(ramTotalBytes)}`],
      ['From/to QEMU', formatBytes(transferredBytes)],
      ['From/to disk', formatBytes(fileBytes)],
      ['Rate', `${formatBytes(transfer.rateBytesPerSecond)}/s`],
    )
    transfer.channelBytes.forEach((bytes, index) =>
      facts.push([`Channel ${index + 1}`, formatBytes(bytes)]),
    )
    if (outcome === undefined && transfer.etaMs !== undefined)
      facts.push(['Time left', formatDuration(transfer.etaMs)])
  }
  const downtimeMs = downtimeOf(job)
  if (downtimeMs !== undefined)
    facts.push([outcome === undefined ? 'Est. downtime' : 'Downtime', formatDuration(downtimeMs)])
  if (error !== undefined) facts.push(['Error', error])
  return formatFacts(facts)
}

/** How long the guest is stopped: an estimate while the job runs, measured when it has ended. */
function downtimeOf({ outcome, transfer, result }: JobRecord): number | undefined {
  if (outcome === undefined) {
    if (transfer?.phase !== 'transferring' || transfer.etaMs === undefined) return undefined
    if (transfer.guestRuns === true) return undefined
    return transfer.elapsedMs + transfer.etaMs
  }
  const timing = (result as { readonly timing?: { readonly downtimeMs?: number } } | undefined)
    ?.timing
  return timing?.downtimeMs
}
