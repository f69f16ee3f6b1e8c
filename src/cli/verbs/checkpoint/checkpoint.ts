import { UsageError } from '../../../errors.ts'
import { createCheckpoint } from '../../../domain/checkpoint/create-checkpoint.ts'
import { type FormatFlags, declareFormat, formatOptions } from '../../options/save.ts'
import { type DiskSpecFlags, declareDiskSpec, diskRequests } from '../../options/disk-spec.ts'
import { checkpointReport } from '../../reports/checkpoints.ts'
import { ProgressDisplay } from '../../terminal/progress-display.ts'
import type { Verb } from '../../verb.ts'

interface Flags extends FormatFlags, DiskSpecFlags {
  readonly description?: string
  readonly diskOnly?: boolean
  readonly stopped?: boolean
  readonly full?: boolean
  readonly incremental?: boolean
  readonly quiesce?: boolean
  readonly verbose?: boolean
}

function incremental({ full, incremental: asked }: Flags): boolean | undefined {
  if (full === true && asked === true)
    throw new UsageError('BAD_COMBINATION', '--full and --incremental exclude each other')
  return full === true ? false : asked
}

/** `checkpoint DOMAIN [NAME]` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareDiskSpec(
      declareFormat(
        command
          .argument('<domain>', 'name, UUID or id')
          .argument('[name]', 'name of the checkpoint (default: seconds since 1970)')
          .option('--description <text>', 'a description')
          .option('--disk-only', 'only the disks, without the memory of the guest')
          .option('--stopped', 'stop the guest until its memory is in the image')
          .option(
            '--full',
            'store all of the memory, not only what differs from the last checkpoint',
          )
          .option('--incremental', 'store only what differs, also without compression')
          .option('--quiesce', 'freeze the file systems of the guest for the instant, by its agent')
          .option('--verbose', 'show the disks, and how the memory was taken'),
      ),
    ),
  example: 'stasis checkpoint web before-upgrade',
  run: async ([domain = '', name], flags, invocation) => {
    const { directories, signal, output } = invocation
    using display = new ProgressDisplay(invocation)
    const { digest: _digest, ...format } = formatOptions(flags)
    const result = await createCheckpoint(domain, name, {
      ...directories,
      ...format,
      description: flags.description,
      diskOnly: flags.diskOnly,
      stopped: flags.stopped,
      incremental: incremental(flags),
      quiesce: flags.quiesce,
      disks: diskRequests(flags),
      signal,
      onProgress: display.show,
      onWarning: output.warn,
    })
    const text = `Checkpoint '${result.name}' of domain '${result.domain}' made`
    return checkpointReport(result, { text, verbose: flags.verbose === true, output })
  },
}
