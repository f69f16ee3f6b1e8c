import type { LiveCheck } from '../../domain/live/check-live.ts'
import { obstacleText } from '../../domain/live/ways/choose-way.ts'
import type { SaveCheck } from '../../domain/save/check-save.ts'
import { DomainError } from '../../errors.ts'
import { formatBytes } from '../terminal/quantity.ts'
import type { Output } from '../terminal/output.ts'
import type { Answer } from '../verb.ts'

/** The report of `save --check`. @throws DomainError DOMAIN_WRONG_STATE when the domain cannot be saved */
export function saveCheckReport(check: SaveCheck | LiveCheck, output: Output): Answer {
  const { name, obstacles, warnings, neededBytes, freeBytes } = check
  for (const warning of warnings) output.warn(warning)
  const [first, ...more] = obstacles
  if (first === undefined) {
    const free = freeBytes === undefined ? '' : `, ${formatBytes(freeBytes)} free`
    if ('way' in check)
      for (const obstacle of check.liveObstacles) output.note(`not ${obstacleText(obstacle)}`)
    const how = 'way' in check ? ` while it runs (${check.way}: ${check.reason})` : ''
    return {
      text: `Domain '${name}' can be saved${how}: the image needs at most ${formatBytes(neededBytes)}${free}`,
      json: { type: 'result', ...check },
    }
  }
  for (const obstacle of more) output.note(`obstacle: ${obstacle}`)
  throw new DomainError('DOMAIN_WRONG_STATE', `Domain '${name}' could not be saved: ${first}`, {
    operation: 'check a save',
  })
}
