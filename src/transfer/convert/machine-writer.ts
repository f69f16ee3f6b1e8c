import type { DeviceState } from '../../image/saved-machine.ts'
import type { AnnouncedBlock } from '../../wire/main-stream.ts'

/** What precedes the memory of a machine. */
export interface MachineStart {
  /** Magic, version, configuration section. */
  readonly head: Uint8Array
  readonly ramSection: number
  readonly blocks: readonly AnnouncedBlock[]
}

/** Takes a machine and writes it down as an image. Disposing it unpublished leaves no file. */
export interface MachineWriter extends AsyncDisposable {
  /** Bytes handed to the disk so far. */
  readonly fileBytes: number
  /** Comes first. */
  begin(start: MachineStart): Promise<void>
  /**
   * Takes up to 256 pages that follow one another, any number of such at the same time, in any order, none twice. Pages that never
   * come are zero. Settles when `bytes` may be reused. @throws StorageError
   */
  add(block: number, firstPage: number, bytes: Uint8Array): Promise<void>
  /** Completes the image. Gives the length of all its files. @throws StorageError */
  publish(state: DeviceState): Promise<number>
}

/** The most bytes that `add` takes. */
export const MAX_ADD_LENGTH: number = 1024 * 1024
