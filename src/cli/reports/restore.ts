import type { RestoreResult } from '../../domain/restore/restore-request.ts'
import { formatBytes, formatDuration } from '../terminal/quantity.ts'
import { formatFacts } from '../terminal/table.ts'
import type { Answer } from '../verb.ts'

/** The report of `restore`, or of another verb that restores, whose first line is `text`. */
export function restoreReport(
  result: RestoreResult,
  options: { readonly verbose: boolean; readonly text?: string },
): Answer {
  const { path, format, state, timing } = result
  const { text = `Domain restored from ${path}` } = options
  const json = { type: 'result', ...result }
  if (!options.verbose) return { text, json }
  const facts = formatFacts([
    ['Domain', `${result.name}, ${state}`],
    ['Format', format],
    ['Memory', formatBytes(result.ramBytes)],
    ['Total time', formatDuration(timing.totalMs)],
    ['Mode', `${result.mode}: ${result.modeReason}`],
    ['QEMU started', formatDuration(timing.startMs)],
    ['Loading', formatDuration(timing.loadMs)],
    ['Resuming', formatDuration(timing.resumeMs)],
    ['Devices loaded', `after ${formatDuration(timing.deviceStateMs)}`],
    ['Guest running', result.state === 'paused' ? 'no' : `after ${formatDuration(timing.totalMs)}`],
    ...(timing.firstOutputMs === undefined
      ? []
      : [['First output', `after ${formatDuration(timing.firstOutputMs)}`] as const]),
    ['Memory loaded', allRam(result)],
    ['Throughput', `${formatBytes(result.throughputBytesPerSecond)}/s of guest memory`],
  ])
  return { text: `${text}\n${facts}`, json }
}

function allRam({ mode, timing }: RestoreResult): string {
  if (timing.allRamMs !== undefined) return `after ${formatDuration(timing.allRamMs)}`
  return mode === 'map'
    ? 'page by page from the file, on first access'
    : 'in the background: `stasis dominfo` shows the rest, --wait memory waits for it'
}
