import type { SaveResult } from '../../domain/save/save.ts'
import { formatBytes, formatDuration, transferText } from '../terminal/quantity.ts'
import { formatFacts } from '../terminal/table.ts'
import type { Output } from '../terminal/output.ts'
import type { Answer } from '../verb.ts'

/** The report of `save`, or of another verb that saves, whose first line is `text`. */
export function saveReport(
  result: SaveResult,
  options: { readonly verbose: boolean; readonly text?: string; readonly output: Output },
): Answer {
  for (const warning of result.warnings) options.output.warn(warning)
  const { name, image, timing } = result
  const { text = `Domain '${name}' saved to ${image.path}` } = options
  const json = { type: 'result', ...result }
  if (!options.verbose) return { text: `${text}\n${summary(result)}`, json }
  const channels = result.channels === 0 ? '' : `${result.channels} channels`
  const compression = result.compression === 'none' ? '' : result.compression
  const facts = formatFacts([
    ['Format', [image.format, channels, compression].filter(Boolean).join(', ')],
    ['Memory', `${formatBytes(image.ramBytes)}, ${formatBytes(image.zeroBytes)} of it zero`],
    ['File', `${formatBytes(image.fileBytes)}, ${formatBytes(image.allocatedBytes)} on disk`],
    ['Total time', formatDuration(timing.totalMs)],
    ['Downtime', `${formatDuration(timing.downtimeMs)}, until the image was durable`],
    ['Transfer', formatDuration(timing.transferMs)],
    ['Flush', formatDuration(timing.flushMs)],
    ['Throughput', `${formatBytes(result.throughputBytesPerSecond)}/s of guest memory`],
  ])
  return { text: `${text}\n${facts}`, json }
}

function summary({ image, timing }: SaveResult): string {
  const { ramBytes, allocatedBytes } = image
  return `${transferText(ramBytes, timing.totalMs)}, ${formatBytes(allocatedBytes)} on disk`
}
