import type { DeviceState, StreamStart } from '../../wire/device-state.ts'
import type { AnnouncedBlock } from '../../wire/main-stream.ts'

/** The data that precedes the memory of a machine. */
export interface MachineStart extends StreamStart {
  readonly blocks: readonly AnnouncedBlock[]
}

/** Where a file has pages. The caller keeps it open and unchanged. */
export interface PageSource {
  readonly fd: number
  /** The offset of the first of them. */
  readonly offset: number
}

/** Receives a machine and writes it as an image. Disposing it unpublished leaves no file. */
export interface MachineWriter extends AsyncDisposable {
  /** Bytes passed to the disk so far. */
  readonly fileBytes: number
  /** Comes first. */
  begin(start: MachineStart): Promise<void>
  /**
   * Adds up to 256 consecutive pages. Any number of calls may be pending, in any order, with no page twice. Pages that are never added are zero.
   * Settles when `bytes` may be reused. `source`: a file that has the same pages uncompressed, with which a writer may share blocks of the disk.
   * @throws StorageError
   */
  add(block: number, firstPage: number, bytes: Uint8Array, source?: PageSource): Promise<void>
  /** Completes the image. Returns the length of all its files. @throws StorageError */
  publish(state: DeviceState): Promise<number>
}

/** The most bytes that `add` accepts. */
export const MAX_ADD_LENGTH: number = 1024 * 1024
