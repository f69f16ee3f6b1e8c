import type { RestoreResult } from '../../domain/restore/restore-request.ts'
import { formatBytes, formatDuration, transferText } from '../terminal/quantity.ts'
import { formatFacts } from '../terminal/table.ts'
import type { Answer } from '../verb.ts'

/** The report of `restore`, or of another verb that restores, whose first line is `text`. */
export function restoreReport(
  result: RestoreResult,
  options: { readonly verbose: boolean; readonly text?: string; readonly managed?: boolean },
): Answer {
  const { path, format, state, timing } = result
  const { text = `Domain restored from ${path}` } = options
  const need = neededImage(result, options.managed === true)
  const answer = (...lines: readonly string[]): string =>
    [text, ...lines, need].filter((line) => line !== '').join('\n')
  const json = { type: 'result', ...result }
  if (!options.verbose) return { text: answer(summary(result)), json }
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
  return { text: answer(facts), json }
}

/** The times of the restore. */
function summary({ ramBytes, timing }: RestoreResult): string {
  const { totalMs, allRamMs } = timing
  return allRamMs === undefined
    ? `${formatBytes(ramBytes)} of memory, ready after ${formatDuration(totalMs)}`
    : transferText(ramBytes, Math.max(totalMs, allRamMs))
}

/** The file that must stay, and until when. */
function neededImage({ name, imageNeeded }: RestoreResult, managed: boolean): string {
  if (imageNeeded === undefined) return ''
  const { path, until, kept } = imageNeeded
  if (until === 'guest-ends')
    return `The memory of '${name}' is read from ${path} until the guest ends: do not change that file`
  const stays =
    kept !== undefined
      ? `${kept} keeps the file until then`
      : managed
        ? `Stasis removes ${path} then`
        : `keep ${path} until then`
  return `The memory of '${name}' is still being loaded: ${stays} (\`stasis dominfo ${name}\` shows the rest)`
}

function allRam({ mode, timing }: RestoreResult): string {
  if (timing.allRamMs !== undefined) return `after ${formatDuration(timing.allRamMs)}`
  return mode === 'map'
    ? 'page by page from the file, on first access'
    : 'in the background: `stasis dominfo` shows the rest, --wait memory waits for it'
}
