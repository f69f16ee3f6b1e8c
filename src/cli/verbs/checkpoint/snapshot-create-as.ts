import { createCheckpoint } from '../../../domain/checkpoint/create-checkpoint.ts'
import { UsageError } from '../../../errors.ts'
import {
  type DiskSpecFlags,
  declareDiskSpec,
  diskRequests,
  memoryFile,
} from '../../options/disk-spec.ts'
import { checkpointReport } from '../../reports/checkpoints.ts'
import { ProgressDisplay } from '../../terminal/progress-display.ts'
import type { Verb } from '../../verb.ts'
import { resolve } from 'node:path'

interface Flags extends DiskSpecFlags {
  readonly name?: string
  readonly description?: string
  readonly memspec?: string
  readonly live?: boolean
  readonly diskOnly?: boolean
  readonly quiesce?: boolean
  readonly atomic?: boolean
}

/** `snapshot-create-as DOMAIN [NAME] [DESCRIPTION]` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareDiskSpec(
      command
        .argument('<domain>', 'name, UUID or id')
        .argument('[name]', 'name of the checkpoint (default: seconds since 1970)')
        .argument('[description]', 'a description')
        .option('--name <name>', 'the same as NAME')
        .option('--description <text>', 'the same as DESCRIPTION')
        .option('--memspec <file>', 'the image of the memory: [file=]FILE[,snapshot=external]')
        .option('--live', 'the guest runs while its memory is written')
        .option('--disk-only', 'only the disks, without the memory of the guest')
        .option('--quiesce', 'freeze the file systems of the guest for the instant, by its agent')
        .option('--atomic', 'accepted: all disks are always of one instant'),
    ),
  example: 'stasis snapshot-create-as web monday --memspec /backup/web.monday --live',
  run: async ([domain = '', name, description], flags, invocation) => {
    const { directories, signal, output } = invocation
    const { memspec, diskOnly } = flags
    if (memspec !== undefined && diskOnly === true)
      throw new UsageError('BAD_COMBINATION', '--disk-only is without memory: leave out --memspec')
    if (memspec === undefined && diskOnly !== true)
      throw new UsageError(
        'BAD_COMBINATION',
        'Stasis makes external snapshots only: --memspec FILE names the image of the memory',
        {
          hint: `\`stasis checkpoint ${domain}\` finds a place for it; --disk-only is without memory`,
        },
      )
    using display = new ProgressDisplay(invocation)
    const result = await createCheckpoint(domain, flags.name ?? name, {
      ...directories,
      description: flags.description ?? description,
      memoryPath: memspec === undefined ? undefined : resolve(memoryFile(memspec)),
      diskOnly,
      stopped: flags.live !== true,
      quiesce: flags.quiesce,
      disks: diskRequests(flags),
      signal,
      onProgress: display.show,
      onWarning: output.warn,
    })
    const text = `Domain snapshot ${result.name} created`
    return { ...checkpointReport(result, { text, verbose: false, output }), text }
  },
}
