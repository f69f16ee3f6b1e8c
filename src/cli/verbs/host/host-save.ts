import { type HostSaveOutcome, saveHost } from '../../../domain/host/host-save.ts'
import { DomainError } from '../../../errors.ts'
import { byteRate, integerBetween } from '../../options/option-values.ts'
import { HostDisplay } from '../../terminal/host-display.ts'
import { formatBytes, formatCount, transferText } from '../../terminal/quantity.ts'
import { type FormatFlags, declareFormat, formatOptions } from '../../options/save.ts'
import { configure } from '../../options/configured.ts'
import type { Verb } from '../../verb.ts'

interface Flags extends Omit<FormatFlags, 'parallel'> {
  readonly timeLimit?: number
  readonly parallel?: boolean
  readonly parallelDomains?: number
  readonly maxBandwidth?: number
  readonly dryRun?: boolean
  readonly quiesce?: boolean
}

/** `host-save` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareFormat(command)
      .option(
        '--time-limit <seconds>',
        'after this time cancel the saves that are not done, and name those domains',
        integerBetween(1, 86_400),
      )
      .option(
        '--parallel-domains <n>',
        'number of domains to save at the same time, 1 to 64 (default: 2)',
        integerBetween(1, 64),
      )
      .option(
        '--max-bandwidth <rate>',
        'limit for all saves together, in bytes of guest memory per second, such as 500M',
        byteRate,
      )
      .option('--quiesce', 'freeze the file systems of guests with an agent until they run again')
      .option('--dry-run', 'only show what would be saved'),
  looks: (_args, { dryRun }) => dryRun === true,
  configure: (command) => configure('host-save', command),
  example: 'stasis host-save --time-limit 90 --parallel-domains 4 --max-bandwidth 500M',
  run: async (_args, flags, invocation) => {
    const { directories, signal, json, output } = invocation
    const startMs = performance.now()
    using display = new HostDisplay(invocation, 'saved')
    const { timeLimit, parallelDomains, maxBandwidth, dryRun, quiesce } = flags
    const outcomes = await saveHost({
      ...directories,
      ...formatOptions(flags),
      signal,
      timeLimitMs: timeLimit === undefined ? undefined : timeLimit * 1000,
      parallelDomains,
      maxBandwidth,
      // A guest without an agent must also be saved.
      quiesce: quiesce === true ? 'if-possible' : undefined,
      dryRun,
      onDomain: (outcome) => {
        if (json) output.jsonProgress({ type: 'progress', ...outcome })
        else if (dryRun === true) output.result(line(outcome))
        else display.end(outcome.name, outcome.outcome === 'saved' ? 'done' : 'left', line(outcome))
      },
      onProgress: display.show,
    })
    const left = outcomes.filter(({ outcome }) => outcome === 'not saved')
    if (left.length > 0) {
      const names = left.map(({ name }) => `'${name}'`).join(', ')
      throw new DomainError(
        'DOMAIN_WRONG_STATE',
        `Could not save: ${names}. These guests are still running`,
        {
          operation: 'save the domains of the host',
        },
      )
    }
    const text = dryRun === true ? '' : summary(outcomes, performance.now() - startMs)
    return { text, json: { type: 'result', domains: outcomes } }
  },
}

function summary(outcomes: readonly HostSaveOutcome[], totalMs: number): string {
  const images = outcomes.flatMap(({ result }) => (result === undefined ? [] : [result.image]))
  const text = `${formatCount(outcomes.length, 'domain')} saved`
  const total = (size: (image: (typeof images)[number]) => number): number =>
    images.reduce((sum, image) => sum + size(image), 0)
  if (images.length === 0) return text
  const amount = transferText(
    total(({ ramBytes }) => ramBytes),
    totalMs,
  )
  return `${text}: ${amount}, ${formatBytes(total(({ allocatedBytes }) => allocatedBytes))} on disk`
}

function line({ name, outcome, memoryBytes, reason, result }: HostSaveOutcome): string {
  if (reason !== undefined) return `${name}: ${outcome}: ${reason}`
  if (result !== undefined)
    return `${name}: ${outcome}: ${transferText(result.image.ramBytes, result.timing.totalMs)}, ${formatBytes(result.image.allocatedBytes)} on disk`
  return `${name}: ${outcome}${memoryBytes === undefined ? '' : `, ${formatBytes(memoryBytes)} of memory`}`
}
