import { obstacleText } from '../../domain/live/ways/choose-way.ts'
import type { GuestSpeed } from '../../domain/live/guest-speed.ts'
import type { LiveSaveResult } from '../../domain/live/live-result.ts'
import type { PrecopyFigures } from '../../domain/live/ways/live-way.ts'
import type { SaveResult } from '../../domain/save/save.ts'
import { formatBytes, formatDuration, transferText } from '../terminal/quantity.ts'
import { formatFacts } from '../terminal/table.ts'
import type { Output } from '../terminal/output.ts'
import type { Answer } from '../verb.ts'

/** The report of `save`, or of another verb that saves, whose first line is `text`. */
export function saveReport(
  result: SaveResult | LiveSaveResult,
  options: { readonly verbose: boolean; readonly text: string; readonly output: Output },
): Answer {
  for (const warning of result.warnings) options.output.warn(warning)
  const { image, timing } = result
  const { text } = options
  const json = { type: 'result', ...result }
  if (!options.verbose) return { text: `${text}\n${summary(result)}`, json }
  const channels = result.channels === 0 ? '' : `${result.channels} channels`
  const compression = result.compression === 'none' ? '' : result.compression
  const facts = formatFacts([
    ['Format', [image.format, channels, compression].filter(Boolean).join(', ')],
    ['Memory', `${formatBytes(image.ramBytes)}, ${formatBytes(image.zeroBytes)} of it zero`],
    ['File', `${formatBytes(image.fileBytes)}, ${formatBytes(image.allocatedBytes)} on disk`],
    ['Total time', formatDuration(timing.totalMs)],
    ...stops(result),
    ['Transfer', formatDuration(timing.transferMs)],
    ['Flush', formatDuration(timing.flushMs)],
    ['Throughput', `${formatBytes(result.throughputBytesPerSecond)}/s of guest memory`],
  ])
  return { text: `${text}\n${facts}`, json }
}

type Facts = readonly (readonly [string, string])[]

function stops(result: SaveResult | LiveSaveResult): Facts {
  const { downtimeMs } = result.timing
  if (!('live' in result))
    return [['Downtime', `${formatDuration(downtimeMs)}, until the image was durable`]]
  const { way, reason, obstacles, precopy } = result.live
  const { mostInMemoryBytes, mostInSpoolBytes, grownBytes, guest } = result.live
  return [
    ['Downtime', `${formatDuration(downtimeMs)}, then the guest continued`],
    ['Way', `${way}: ${reason}`],
    ...obstacles.map((obstacle) => ['Not', obstacleText(obstacle)] as const),
    ...(precopy === undefined ? [] : rounds(precopy)),
    [
      'Waiting',
      `at most ${formatBytes(mostInMemoryBytes)} in memory, ${formatBytes(mostInSpoolBytes)} in a temporary file`,
    ],
    ...(guest === undefined ? [] : [['Guest', speedText(guest)] as const]),
    ['Growth', `QEMU takes ${formatBytes(grownBytes)} more memory than before`],
  ]
}

function rounds({ isForced, restBytes, rounds, sentBytes }: PrecopyFigures): Facts {
  const sent = `${formatBytes(sentBytes)} of pages in ${rounds} rounds`
  if (!isForced) return [['Sent', sent]]
  const left = restBytes === undefined ? '' : `, with ${formatBytes(restBytes)} left to send`
  return [
    ['Sent', sent],
    ['Time limit', `the guest wrote faster than QEMU sent, and was stopped${left}`],
  ]
}

/** What the guest lost while it was saved. */
function speedText({ ranBefore, ranDuring, waited }: GuestSpeed): string {
  const ran = `its processors ran ${percent(ranDuring)} of the time, ${percent(ranBefore)} before`
  return waited === undefined
    ? ran
    : `${ran}; they waited ${percent(waited)} of it for QEMU to send a page`
}

/** A guest that hardly runs loses nothing that could be measured. */
const LEAST_SHARE = 0.05

function kept(guest: GuestSpeed | undefined): string {
  if (guest === undefined || guest.ranBefore < LEAST_SHARE) return ''
  const part = Math.min(1, guest.ranDuring / guest.ranBefore)
  return `, then with ${percent(part)} of its processor time`
}

const percent = (part: number): string => `${Math.round(part * 100)} %`

function summary(result: SaveResult | LiveSaveResult): string {
  const { ramBytes, allocatedBytes } = result.image
  const { totalMs, downtimeMs } = result.timing
  const stopped =
    'live' in result
      ? `, stopped for ${formatDuration(downtimeMs)} (${result.live.way})${kept(result.live.guest)}`
      : ''
  return `${transferText(ramBytes, totalMs)}, ${formatBytes(allocatedBytes)} on disk${stopped}`
}
