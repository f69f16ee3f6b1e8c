import type { RestoreResult } from '../../domain/restore/restore-request.ts'
import { formatBytes, formatDuration, transferText } from '../terminal/quantity.ts'
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
  if (!options.verbose) return { text: `${text}\n${summary(result)}`, json }
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

/** What the restore took, and whether memory still comes from the image. */
function summary({ mode, ramBytes, path, timing, name }: RestoreResult): string {
  const { totalMs, allRamMs } = timing
  if (allRamMs !== undefined) return transferText(ramBytes, Math.max(totalMs, allRamMs))
  const soon = `${formatBytes(ramBytes)} of memory, ready after ${formatDuration(totalMs)}`
  return mode === 'map'
    ? `${soon}; it reads its memory from ${path} as long as it runs`
    : `${soon}; the rest is still being loaded from ${path} (\`stasis dominfo ${name}\`)`
}

function allRam({ mode, timing }: RestoreResult): string {
  if (timing.allRamMs !== undefined) return `after ${formatDuration(timing.allRamMs)}`
  return mode === 'map'
    ? 'page by page from the file, on first access'
    : 'in the background: `stasis dominfo` shows the rest, --wait memory waits for it'
}
