import type { DeviceState } from '../../wire/device-state.ts'
import type { BlockReading, DamageReport } from './damage.ts'

/** Options for reading an image. */
export interface ReadingOptions {
  readonly signal?: AbortSignal | undefined
  /** Called with the number of further bytes read from the image. */
  readonly onRead: (fileBytes: number) => void
}

/** Options for reading an image of any format. */
export interface MachineReadingOptions extends ReadingOptions {
  /** A single stream that is longer than this is damaged. */
  readonly maxStreamBytes: number
}

/** The findings of a reading of all of an image. */
export interface MachineReading {
  readonly blocks: readonly BlockReading[]
  /** `undefined`: it is damaged, or the stream ends before it. */
  readonly state: DeviceState | undefined
  readonly damage: DamageReport
}
