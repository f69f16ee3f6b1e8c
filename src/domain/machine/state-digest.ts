import { createHash } from 'node:crypto'
import type { DeviceState } from '../../image/saved-machine.ts'

/**
 * Says of two images whether they are of the same machine at the same moment, whatever their format: its devices (clocks and
 * registers among them) are the same bytes.
 */
export function stateDigest(state: DeviceState): string {
  return createHash('sha256').update(state.head).update(state.sections).digest('hex')
}
