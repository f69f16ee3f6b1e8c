import { createHash } from 'node:crypto'
import type { DeviceState } from '../../wire/device-state.ts'

/**
 * A digest that is equal for two images of the same machine at the same moment, whatever their format: the bytes of its devices (including clocks and
 * registers) are the same.
 */
export function stateDigest(state: DeviceState): string {
  return createHash('sha256').update(state.head).update(state.sections).digest('hex')
}
