import { Option } from 'commander'
import { modeOption } from '../../options/mode.ts'
import { UsageError } from '../../../errors.ts'
import { restoreDomain } from '../../../domain/restore/restore.ts'
import type { RestoreOptions } from '../../../domain/restore/restore-request.ts'
import { type AllowFlags, allowed, declareTrust } from '../../options/allow.ts'
import { type ChannelFlags, channelsOf, declareChannels } from '../../options/channels.ts'
import { type NetworkFlags, declareNetworks, networksOf } from '../../options/networks.ts'
import { integerBetween } from '../../options/option-values.ts'
import { checkAndReport } from '../../reports/image-check.ts'
import { ProgressDisplay } from '../../terminal/progress-display.ts'
import { restoreReport } from '../../reports/restore.ts'
import { configure } from '../../options/configured.ts'
import { ignoreUnsupportedOption } from '../../options/ignore-unsupported.ts'
import {
  type RestoredGuestFlags,
  declareRestoredGuest,
  restoredGuestOf,
} from '../../options/restored-guest.ts'
import { type ResumeFlags, declareResumeAs, resumeAs } from '../../options/resume-as.ts'
import type { Verb } from '../../verb.ts'
import { readXmlOption } from '../../options/xml-file.ts'
import { type TakeOverFlags, takeOverOption } from '../../options/take-over.ts'

interface Flags
  extends AllowFlags, NetworkFlags, ChannelFlags, RestoredGuestFlags, ResumeFlags, TakeOverFlags {
  readonly mode?: RestoreOptions['mode']
  readonly clone?: string
  readonly diskOverlay?: string
  readonly parallel?: boolean
  readonly connections?: number
  readonly bypassCache?: boolean
  readonly xml?: string
  readonly keep?: boolean
  readonly force?: boolean
  readonly ignoreUnsupported?: boolean
  readonly check?: boolean
  readonly wait?: RestoreOptions['wait']
  readonly verbose?: boolean
}

/** `restore FILE` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareResumeAs(
      declareRestoredGuest(
        declareChannels(declareNetworks(declareTrust(command)), 'the same as --connections'),
      ),
    )
      .argument('<file>', 'a save image')
      .addOption(
        modeOption(
          'how memory is restored (default: auto, the first of map, lazy and load that is possible)',
        ),
      )
      .option('--clone <name>', 'restore as a new domain with this name, beside the saved one')
      .option(
        '--disk-overlay <dir>',
        'directory for overlays, to which the clone writes instead of the disks',
      )
      .option('--parallel', 'use several readers (the default where the image allows it)')
      .option(
        '--connections <n>',
        'number of readers, 1 to 64 (default: one more than there are processors, at most 8)',
        integerBetween(1, 64),
      )
      .option('--bypass-cache', 'read past the page cache (the default for stasis)')
      .option('--no-bypass-cache', 'read through the page cache')
      .option('--xml <file>', 'domain XML to use; the guest must not see a difference')
      .addOption(takeOverOption())
      .option('--force', 'restore although the disks have changed since the save')
      .option(
        '--keep',
        'while memory is loaded lazily, keep the image by a second name beside it (a hard link)',
      )
      .addOption(ignoreUnsupportedOption())
      .option('--check', 'only check whether the image can be restored on this host')
      .option('--verbose', 'show how long each step took')
      .addOption(
        new Option(
          '--wait <what>',
          'return only when all memory is loaded, when the guest has written to a serial port that goes to a file, or both',
        ).choices(['memory', 'output', 'both']),
      ),
  looks: (_args, { check }) => check === true,
  configure: (command) => configure('restore', command),
  example: 'stasis restore /backup/web.save --verbose',
  run: async ([file = ''], flags, invocation) => {
    const { directories, signal, output } = invocation
    if (flags.diskOverlay !== undefined && flags.clone === undefined)
      throw new UsageError('BAD_COMBINATION', '--disk-overlay is for clones: also give --clone')
    const xml = await readXmlOption(flags.xml, signal)
    const { ignoreUnsupported } = flags
    if (flags.check === true) {
      const allow = allowed(flags)
      const networks = networksOf(flags)
      const options = {
        ...directories,
        signal,
        xml,
        ignoreUnsupported,
        allow,
        ...networks,
        onWarning: output.warn,
      }
      return checkAndReport(file, options, invocation)
    }
    using display = new ProgressDisplay(invocation)
    const result = await restoreDomain(file, {
      ...directories,
      signal,
      xml,
      mode: flags.mode,
      clone:
        flags.clone === undefined
          ? undefined
          : { name: flags.clone, diskOverlay: flags.diskOverlay },
      readers: flags.connections ?? channelsOf(flags),
      bypassCache: flags.bypassCache,
      resumeAs: resumeAs(flags),
      force: flags.force,
      takeOver: flags.takeOver,
      keepImage: flags.keep,
      ...restoredGuestOf(flags),
      wait: flags.wait,
      ignoreUnsupported,
      allow: allowed(flags),
      ...networksOf(flags),
      onWarning: output.warn,
      onProgress: display.show,
    })
    return restoreReport(result, { verbose: flags.verbose === true })
  },
}
