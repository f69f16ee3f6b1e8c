import { modeOption } from '../../options/mode.ts'
import {
  type HostResumeOptions,
  type HostResumeOutcome,
  resumeHost,
} from '../../../domain/host/host-resume.ts'
import { DomainError } from '../../../errors.ts'
import { integerBetween } from '../../options/option-values.ts'
import { configure } from '../../options/configured.ts'
import { HostDisplay } from '../../terminal/host-display.ts'
import { formatCount, formatDuration } from '../../terminal/quantity.ts'
import { ignoreUnsupportedOption } from '../../options/ignore-unsupported.ts'
import type { Verb } from '../../verb.ts'

interface Flags extends Pick<
  HostResumeOptions,
  'mode' | 'bypassCache' | 'syncTime' | 'allowLinkDown' | 'ignoreUnsupported'
> {
  readonly parallelDomains?: number
  readonly autostart?: boolean
  readonly dryRun?: boolean
}

/** `host-resume` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .option(
        '--parallel-domains <n>',
        'number of domains to start at the same time, 1 to 64 (default: 2)',
        integerBetween(1, 64),
      )
      .option('--autostart', 'also start the domains marked with `stasis autostart`')
      .addOption(
        modeOption('how the memory of managed saves is restored (default: auto, as for restore)'),
      )
      .option('--bypass-cache', 'read managed saves past the page cache (the default for stasis)')
      .option('--no-bypass-cache', 'read managed saves through the page cache')
      .option('--sync-time', "set the guests' clocks through their agents once they run")
      .option(
        '--allow-link-down',
        'let a card whose network is missing be connected to nothing, with its link down',
      )
      .addOption(ignoreUnsupportedOption())
      .option('--dry-run', 'only show what would be started'),
  looks: (_args, { dryRun }) => dryRun === true,
  configure: (command) => configure('host-resume', command),
  example: 'stasis host-resume --parallel-domains 4',
  run: async (_args, flags, invocation) => {
    const { directories, signal, json, output } = invocation
    const startMs = performance.now()
    using display = new HostDisplay(invocation, 'started')
    const outcomes = await resumeHost({
      ...directories,
      ...flags,
      signal,
      onDomain: (outcome) => {
        if (json) output.jsonProgress({ type: 'progress', ...outcome })
        else if (flags.dryRun === true) output.result(line(outcome))
        else
          display.end(
            outcome.name,
            outcome.outcome === 'not started' ? 'left' : 'done',
            line(outcome),
          )
      },
      onProgress: display.show,
    })
    const left = outcomes.filter(({ outcome }) => outcome === 'not started')
    if (left.length > 0) {
      const names = left.map(({ name }) => `'${name}'`).join(', ')
      throw new DomainError('DOMAIN_WRONG_STATE', `Not started: ${names}`, {
        operation: 'bring the domains of the host back',
        hint: 'Managed saves are kept: `stasis start` tries again',
      })
    }
    const started = outcomes.filter(({ outcome }) => outcome === 'resumed' || outcome === 'booted')
    const text =
      flags.dryRun === true
        ? ''
        : `${formatCount(started.length, 'domain')} started in ${formatDuration(performance.now() - startMs)}`
    return { text, json: { type: 'result', domains: outcomes } }
  },
}

function line({ name, outcome, reason }: HostResumeOutcome): string {
  return `${name}: ${outcome}${reason === undefined ? '' : `: ${reason}`}`
}
