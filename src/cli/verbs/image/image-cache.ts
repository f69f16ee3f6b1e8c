import { Argument } from 'commander'
import {
  addToImageCache,
  listImageCache,
  removeFromImageCache,
} from '../../../domain/restore/image-cache.ts'
import type { CachedImage } from '../../../domain/store/saves/cached-images.ts'
import { UsageError } from '../../../errors.ts'
import { integerBetween } from '../../options/option-values.ts'
import { errorText, withFaultObject } from '../../reports/error.ts'
import { ProgressDisplay } from '../../terminal/progress-display.ts'
import { formatBytes } from '../../terminal/quantity.ts'
import type { Answer, Verb } from '../../verb.ts'

interface Flags {
  readonly limitGib?: number
}

const GIB = 1024 ** 3

/** `image-cache add|list|remove` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .addArgument(new Argument('<action>', 'what to do').choices(['add', 'list', 'remove']))
      .argument('[file]', 'a save image; with remove also a key from the list')
      .option(
        '--limit-gib <n>',
        'with add: evict least recently used entries until the cache fits (default: 64)',
        integerBetween(1, 1_000_000),
      ),
  looks: ([action]) => action === 'list',
  example: 'stasis image-cache add /backup/web.save',
  run: async ([action, file], flags, invocation) => {
    const { directories, signal, json, output } = invocation
    const options = { ...directories, signal }
    if (action === 'list') {
      const entries = await listImageCache(options)
      for (const { fault } of entries)
        if (fault !== undefined && !json) output.note(errorText(fault, { debug: false }))
      return listed(entries)
    }
    if (file === undefined)
      throw new UsageError('BAD_ARGUMENT', `image-cache ${action} needs a file`)
    if (action === 'remove') {
      const { key } = await removeFromImageCache(file, options)
      return { text: `${file} removed from the cache`, json: { type: 'result', key } }
    }
    const limitBytes = flags.limitGib === undefined ? undefined : flags.limitGib * GIB
    using display = new ProgressDisplay(invocation)
    // Its answer is the only line of JSON: that is the contract.
    const onProgress = json ? undefined : display.show
    const added = await addToImageCache(file, { ...options, limitBytes, onProgress })
    return {
      text: `${file} is in the cache: ${formatBytes(added.allocatedBytes)}`,
      json: { type: 'result', ...added },
    }
  },
}

function listed(entries: readonly CachedImage[]): Answer {
  const lines = entries.map(({ key, image, allocatedBytes, fault }) =>
    `${key.slice(0, 12)}  ${fault === undefined ? formatBytes(allocatedBytes).padStart(10) : 'unreadable'}  ${image}`.trimEnd(),
  )
  return { text: lines.join('\n'), json: entries.map(withFaultObject) }
}
