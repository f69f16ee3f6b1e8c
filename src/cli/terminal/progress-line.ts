import type { SalvageProgress } from '../../domain/images/salvage-image.ts'
import type { ConvertProgress } from '../../domain/images/convert-image.ts'
import type {
  RestoreProgress,
  SaveProgress,
  TransferMeasure,
} from '../../domain/progress/progress.ts'
import { type LinePart, fitParts } from './fit-parts.ts'
import { formatBytes, formatTimeLeft } from './quantity.ts'

/** The progress of any operation. */
export type AnyProgress = SaveProgress | RestoreProgress | ConvertProgress | SalvageProgress

/** Progress as one line for a terminal of `columns` characters. A narrow one keeps percent and time left. */
export function progressLine(progress: AnyProgress, columns: number): string {
  // A terminal goes to the next line when its last column is filled.
  return fitParts(progressParts(progress), columns - 1)
}

function progressParts(progress: AnyProgress): readonly LinePart[] {
  if (!('percent' in progress)) return [{ text: words(progress), rank: 0 }]
  return [{ text: words(progress), rank: 1 }, ...measuredParts(progress)]
}

/** The progress of one of several guests, as one line of at most `width` columns. */
export function guestLine(progress: AnyProgress, width: number): string {
  return fitParts('percent' in progress ? measuredParts(progress) : progressParts(progress), width)
}

function words(progress: AnyProgress): string {
  switch (progress.phase) {
    case 'checking':
      return 'Checking QEMU and the destination'
    case 'waiting-for-memory':
      return waiting(progress)
    case 'waiting-for-reader':
      return `Waiting for a process that reads ${progress.path}`
    case 'stopping':
      return 'Stopping the guest'
    case 'flushing':
      return `Flushing ${formatBytes(progress.fileBytes)} to disk`
    case 'ending':
      return 'Stopping QEMU'
    case 'opening':
      return 'Reading the image'
    case 'starting':
      return 'Starting QEMU'
    case 'publishing':
      return 'Completing the image'
    case 'resuming':
      return 'Resuming the guest'
    case 'transferring':
      return 'Saving'
    case 'loading':
      return 'Restoring'
    case 'converting':
      return 'Converting'
    case 'reading':
      return 'Reading'
  }
}

function waiting({
  image,
  remainingBytes,
}: {
  image: string
  remainingBytes?: number | undefined
}) {
  const amount = remainingBytes === undefined ? '' : `${formatBytes(remainingBytes)} of `
  return `Waiting for ${amount}memory still being loaded from ${image}`
}

/** The parts of a measure. The caller's word before them has rank 1. */
export function measuredParts(
  measure: Omit<TransferMeasure, 'transferredBytes' | 'fileBytes' | 'elapsedMs'>,
): readonly LinePart[] {
  const { percent, ramBytes, ramTotalBytes, rateBytesPerSecond, channelBytes, etaMs } = measure
  const amount = `${formatBytes(ramBytes)} of ${formatBytes(ramTotalBytes)}`
  const left = etaMs === undefined || percent >= 100 ? '' : `${formatTimeLeft(etaMs)} left`
  return [
    { text: `${String(Math.floor(percent)).padStart(2)} %`, rank: 0 },
    { text: ramTotalBytes > 0 ? amount : '', rank: 3 },
    { text: `${formatBytes(rateBytesPerSecond)}/s`, rank: 2 },
    { text: channelBytes.length > 1 ? balance(channelBytes) : '', rank: 4 },
    { text: left, rank: 0 },
  ]
}

/** How evenly the channels share the work: the share of each in percent, or the range if there are many. */
function balance(channelBytes: readonly number[]): string {
  const total = Math.max(
    1,
    channelBytes.reduce((sum, bytes) => sum + bytes, 0),
  )
  const shares = channelBytes.map((bytes) => Math.round((bytes / total) * 100))
  if (shares.length <= 8) return `channels ${shares.join('/')} %`
  return `${shares.length} channels ${Math.min(...shares)} to ${Math.max(...shares)} %`
}
