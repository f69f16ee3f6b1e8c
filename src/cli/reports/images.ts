import type { ImageList, ListedImage } from '../../domain/images/list-images.ts'
import type { PrunedImages } from '../../domain/images/prune-images.ts'
import { formatLocalTime } from '../terminal/local-time.ts'
import { formatBytes, formatCount } from '../terminal/quantity.ts'
import { formatTable } from '../terminal/table.ts'
import type { Answer } from '../verb.ts'
import { errorObject, withFaultObject } from './error.ts'

const HEADING = ['Guest', 'Saved', 'Size', 'On disk', 'Format', 'State', 'Image']

/** The report of `images`. */
export function imagesReport(list: ImageList, { quiet }: { readonly quiet: boolean }): Answer {
  const { images, faults } = list
  const reasons = images.flatMap(({ path, reason, state }) =>
    reason === undefined ? [] : [`${path === '' ? state : path}: ${reason}`],
  )
  const text = [
    formatTable(HEADING, images.map(row), { quiet }),
    ...(quiet || reasons.length === 0 ? [] : ['', ...reasons]),
  ].join('\n')
  const json = images.map(withFaultObject)
  return { text, json: { type: 'result', images: json, faults: faults.map(errorObject) } }
}

function row(image: ListedImage): readonly string[] {
  const { domain, savedAt, fileBytes, allocatedBytes, format, managed, path } = image
  return [
    domain ?? '-',
    savedAt === undefined ? '-' : formatLocalTime(savedAt),
    fileBytes === undefined ? '-' : formatBytes(fileBytes),
    allocatedBytes === undefined ? '-' : formatBytes(allocatedBytes),
    `${format ?? '-'}${managed ? ', managed' : ''}`,
    image.state,
    path === '' ? '-' : path,
  ]
}

/** The report of `images --prune`. */
export function pruneReport(
  { deleted, kept, forgotten }: PrunedImages,
  { dryRun }: { readonly dryRun: boolean },
): Answer {
  const would = dryRun ? 'would be ' : ''
  const bytes = deleted.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0)
  const lines = [
    ...deleted.map(
      ({ path, domain, allocatedBytes }) =>
        `${path}: ${would}deleted (${domain ?? '-'}, ${formatBytes(allocatedBytes)})`,
    ),
    ...kept.map(({ path, reason }) => `${path}: stays: ${reason}`),
    ...forgotten.map(({ path }) => `${path}: gone; its record ${would}removed`),
    `${formatCount(deleted.length, 'image')} ${would}deleted, ${formatBytes(bytes)}; ${formatCount(forgotten.length, 'record')} of missing images ${would}removed`,
  ]
  return { text: lines.join('\n'), json: { type: 'result', dryRun, deleted, kept, forgotten } }
}
