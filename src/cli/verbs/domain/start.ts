import { Option } from 'commander'
import { modeOption } from '../../options/mode.ts'
import {
  type StartOptions,
  type StartedDomain,
  startDomain,
} from '../../../domain/lifecycle/start.ts'
import { type AllowFlags, allowed, declareTrust } from '../../options/allow.ts'
import { type NetworkFlags, declareNetworks, networksOf } from '../../options/networks.ts'
import { attachConsole } from '../../terminal/console-terminal.ts'
import { ProgressDisplay } from '../../terminal/progress-display.ts'
import { restoreReport } from '../../reports/restore.ts'
import { configure } from '../../options/configured.ts'
import { ignoreUnsupportedOption } from '../../options/ignore-unsupported.ts'
import {
  type RestoredGuestFlags,
  declareRestoredGuest,
  restoredGuestOf,
} from '../../options/restored-guest.ts'
import type { Verb } from '../../verb.ts'
import { type TakeOverFlags, takeOverOption } from '../../options/take-over.ts'

interface Flags extends AllowFlags, NetworkFlags, RestoredGuestFlags, TakeOverFlags {
  readonly paused?: boolean
  readonly console?: boolean
  readonly forceBoot?: boolean
  readonly force?: boolean
  readonly stale?: StartOptions['stale']
  readonly ifOff?: boolean
  readonly mode?: StartOptions['mode']
  readonly bypassCache?: boolean
  readonly ignoreUnsupported?: boolean
  readonly verbose?: boolean
}

/** `start DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareRestoredGuest(declareNetworks(declareTrust(command)))
      .argument('<domain>', 'name or UUID')
      .option('--paused', 'leave the guest paused')
      .option('--console', 'connect the terminal to the serial console')
      .addOption(new Option('--force-boot', 'delete the managed save and boot').conflicts('force'))
      .option('--force', 'use the managed save although the disks have changed since')
      .addOption(
        new Option(
          '--stale <choice>',
          'a managed save that is older than the disks: fail (the default), or boot and keep it under another name',
        )
          .choices(['boot', 'fail'])
          .conflicts(['force', 'forceBoot']),
      )
      .option('--if-off', 'succeed without an act if the domain already runs here')
      .addOption(
        modeOption('how the memory of a managed save is restored (default: auto, as for restore)'),
      )
      .option(
        '--bypass-cache',
        'read the managed save past the page cache (the default for stasis)',
      )
      .option('--no-bypass-cache', 'read the managed save through the page cache')
      .addOption(takeOverOption())
      .option('--verbose', 'show how long each step of the restore took')
      .addOption(ignoreUnsupportedOption()),
  configure: (command) => configure('start', command),
  example: 'stasis start web --console',
  run: async ([domain = ''], flags, invocation) => {
    const { directories, signal, output } = invocation
    const { paused, ignoreUnsupported, forceBoot, force, bypassCache } = flags
    using display = new ProgressDisplay(invocation)
    const started = await startDomain(domain, {
      ...directories,
      signal,
      paused,
      ignoreUnsupported,
      allow: allowed(flags),
      ...networksOf(flags),
      takeOver: flags.takeOver,
      stale: flags.stale,
      ifOff: flags.ifOff,
      forceBoot,
      force,
      ...restoredGuestOf(flags),
      mode: flags.mode,
      bypassCache,
      onProgress: display.show,
      onWarning: output.warn,
    })
    const { name, uuid, id, restored, alreadyRunning } = started
    const text = startText(started, flags)
    if (flags.console === true) {
      output.note(text)
      await attachConsole(name, { directories, signal, output })
      return undefined
    }
    return { text, json: { type: 'result', name, uuid, id, restored, alreadyRunning } }
  },
}

function startText({ name, restored, alreadyRunning }: StartedDomain, flags: Flags): string {
  if (alreadyRunning === true) return `Domain '${name}' already runs`
  if (restored === undefined) return `Domain '${name}' started`
  const text = `Domain '${name}' started from its managed save`
  return restoreReport(restored, { verbose: flags.verbose === true, text, managed: true }).text
}
