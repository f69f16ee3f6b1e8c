import type { SalvageProgress } from '../../domain/images/salvage-image.ts'
import type { ConvertProgress } from '../../domain/images/convert-image.ts'
import type {
  RestoreProgress,
  SaveProgress,
  TransferMeasure,
} from '../../domain/progress/progress.ts'
import { cutToWidth } from './display-width.ts'
import { formatBytes, formatTimeLeft } from './quantity.ts'

/** The progress of any operation. */
export type AnyProgress = SaveProgress | RestoreProgress | ConvertProgress | SalvageProgress

/** Progress as one line for a terminal of `columns` characters. */
export function progressLine(progress: AnyProgress, columns: number): string {
  return cutToWidth(words(progress), Math.max(0, columns - 1))
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
    case 'transferring':
      return `Saving ${measured(progress)}`
    case 'flushing':
      return `Flushing ${formatBytes(progress.fileBytes)} to disk`
    case 'ending':
      return 'Stopping QEMU'
    case 'opening':
      return 'Reading the image'
    case 'starting':
      return 'Starting QEMU'
    case 'loading':
      return `Restoring ${measured(progress)}`
    case 'converting':
      return `Converting ${measured(progress)}`
    case 'reading':
      return `Reading ${measured(progress)}`
    case 'publishing':
      return 'Completing the image'
    case 'resuming':
      return 'Resuming the guest'
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

function measured(measure: TransferMeasure): string {
  const { percent, ramBytes, ramTotalBytes, rateBytesPerSecond, channelBytes, etaMs } = measure
  const parts = [
    `${Math.floor(percent).toString().padStart(3)} %`,
    ramTotalBytes > 0 && `${formatBytes(ramBytes)} of ${formatBytes(ramTotalBytes)}`,
    `${formatBytes(rateBytesPerSecond)}/s`,
    channelBytes.length > 1 && balance(channelBytes),
    etaMs !== undefined && percent < 100 && `${formatTimeLeft(etaMs)} left`,
  ]
  return parts.filter((part) => part !== false).join('  ')
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
