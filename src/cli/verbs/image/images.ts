import { resolve } from 'node:path'
import { UsageError } from '../../../errors.ts'
import { listImages } from '../../../domain/images/list-images.ts'
import { pruneImages } from '../../../domain/images/prune-images.ts'
import { integerBetween } from '../../options/option-values.ts'
import { errorText } from '../../reports/error.ts'
import { imagesReport, pruneReport } from '../../reports/images.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly domain?: string
  readonly prune?: boolean
  readonly olderThan?: number
  readonly keep?: number
  readonly dryRun?: boolean
}

/** `images [FILE...]` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument(
        '[file...]',
        'only these images. --prune deletes a managed save only if it is named here',
      )
      .option('--domain <domain>', 'only images of this guest, by name or UUID')
      .option(
        '--prune',
        'delete the images that the next options choose, except those that a guest needs, and forget images that are gone',
      )
      .option(
        '--older-than <days>',
        'with --prune: images that were saved at least so many days ago',
        integerBetween(0, 100_000),
      )
      .option(
        '--keep <n>',
        'with --prune: all but the newest n images of each guest',
        integerBetween(0, 100_000),
      )
      .option('--dry-run', 'with --prune: only show what would be deleted'),
  looks: (_args, { prune, dryRun }) => prune !== true || dryRun === true,
  example: 'stasis images --domain web\nstasis images --prune --older-than 30 --keep 2 --dry-run',
  run: async (given, flags, { directories, signal, json, quiet, output }) => {
    const { domain, prune, olderThan: olderThanDays, keep, dryRun } = flags
    const files = given.length === 0 ? undefined : given.map((file) => resolve(file))
    const options = { ...directories, signal, domain }
    if (prune === true) {
      const asked = { ...options, olderThanDays, keep, dryRun, files }
      return pruneReport(await pruneImages(asked), { dryRun: dryRun === true })
    }
    if (olderThanDays !== undefined || keep !== undefined || dryRun === true)
      throw new UsageError('BAD_COMBINATION', '--older-than, --keep and --dry-run need --prune')
    const { images, faults } = await listImages(options)
    if (!json) for (const fault of faults) output.note(errorText(fault, { debug: false }))
    const asked = images.filter(({ path }) => files === undefined || files.includes(path))
    return imagesReport({ images: asked, faults }, { quiet })
  },
}
