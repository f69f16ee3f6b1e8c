import type { MachineReading } from './reading.ts'
import type { PackedError } from './packed-error.ts'

/** Start data of the thread that reads streams. */
export interface StreamThreadData {
  readonly path: string
  readonly maxStreamBytes: number
}

/** The request to stop reading. */
export const STOP = 'stop'

/** The messages of that thread. */
export type StreamAnswer =
  | { readonly kind: 'read'; readonly fileBytes: number }
  | { readonly kind: 'done'; readonly reading: MachineReading }
  | { readonly kind: 'failed'; readonly error: PackedError }
