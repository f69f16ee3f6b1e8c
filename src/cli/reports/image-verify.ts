import type { ImageDamage } from '../../domain/images/image-damage.ts'
import type { ImageVerification } from '../../domain/images/verify-image.ts'
import { ImageError, type StasisError } from '../../errors.ts'
import { formatBytes, formatCount, formatDuration } from '../terminal/quantity.ts'
import type { Answer, Invocation } from '../verb.ts'

/** The most lines of damage for a person; `--json` has more. */
const SHOWN = 100

const CHECKS: Readonly<Record<ImageVerification['checksums'], string>> = {
  frames: 'every page was compared with a checksum',
  files: 'every file was compared with its checksum',
  packing: 'the compressed data were compared with the checksums that their program writes',
  digest: 'every byte after the description was compared with the digest beside the image',
  none: 'this format has no checksums: only its structure was checked, and a changed byte in a page cannot be found',
}

/**
 * The report of `image-verify`. If an image is damaged or could not be verified, prints the results and then throws, for the exit code.
 * @throws the first of `faults`; ImageError IMAGE_DAMAGED
 */
export function verifyReport(
  images: readonly ImageVerification[],
  faults: readonly StasisError[],
  { output, json }: Invocation,
): Answer {
  const answer = {
    text: images.map(describe).join('\n'),
    json: { type: 'result', images },
  }
  const damaged = images.find(({ whole }) => !whole)
  if (damaged === undefined && faults.length === 0) return answer
  if (json) output.json(answer.json)
  else if (images.length > 0) output.result(answer.text)
  const [fault] = faults
  if (fault !== undefined) throw fault
  const { path = '', damageCount = 0, salvageable = false } = damaged ?? {}
  throw damagedError(
    path,
    damageCount,
    salvageable
      ? `If the file is a copy, copy it again. Otherwise restore an older image, or rescue the rest with \`stasis image-salvage ${path}\``
      : 'If the file is a copy, copy it again; otherwise restore an older image',
  )
}

/** The error after a list of damage. */
export function damagedError(path: string, count: number, hint: string): ImageError {
  return new ImageError('IMAGE_DAMAGED', `${path} is damaged in ${formatCount(count, 'place')}`, {
    path,
    hint,
  })
}

/** The lines about damage. */
export function damageLines(damage: readonly ImageDamage[], count: number): readonly string[] {
  const lines = damage.slice(0, SHOWN).map(({ text }) => `  ${text}`)
  const left = count - lines.length
  return left > 0 ? [...lines, `  and ${left} more`] : lines
}

function describe(image: ImageVerification): string {
  const { path, format, whole, checksums, damage, damageCount, blocks, readBytes, totalMs } = image
  const speed = `${formatBytes(readBytes)} in ${formatDuration(totalMs)}`
  const lines = [
    `${path} (${format}): ${whole ? 'whole' : 'DAMAGED'}, read ${speed}`,
    `  ${CHECKS[checksums]}`,
    ...digestLines(image),
    ...damageLines(damage, damageCount),
  ]
  const lost = blocks.filter(({ damagedBytes, suspectBytes }) => damagedBytes + suspectBytes > 0)
  for (const { name, bytes, damagedBytes, suspectBytes } of lost) {
    const suspect = suspectBytes === 0 ? '' : `, and ${formatBytes(suspectBytes)} may be`
    lines.push(
      `  ${name}: ${formatBytes(damagedBytes)} of ${formatBytes(bytes)} are damaged${suspect}`,
    )
  }
  if (!whole && !image.salvageable)
    lines.push('  it cannot be salvaged: more than memory is damaged')
  return lines.join('\n')
}

function digestLines({ path, digest, digestWritten }: ImageVerification): readonly string[] {
  const written = digestWritten === undefined ? [] : [`  ${digestWritten} was written`]
  const name = digest.path ?? ''
  if (digest.state === 'foreign')
    return [
      `  ${name} was not compared: it belongs to another image, or ${path} was replaced`,
      ...written,
    ]
  if (digest.state === 'damaged') return [`  ${name} was not compared: it is damaged`, ...written]
  return written
}
