import type { WireErrorKind } from '../../wire/wire-error.ts'
import type { FrameCodec } from '../../image/stasis/frame-codec.ts'
import type { PageRun } from './page-ranges.ts'

/** What a receiving thread is started with. */
export interface ReceiveThreadData {
  readonly codec: FrameCodec
  readonly channelCount: number
  readonly slotCount: number
  /** `ReceiveState`'s. */
  readonly state: SharedArrayBuffer
  /** Slots one behind the other: pages as they came, laid out as in guest memory. */
  readonly slots: SharedArrayBuffer
  /** What the pages of each slot were compressed to, `OUTPUT_LENGTH` for each. None without a codec. */
  readonly outputs: SharedArrayBuffer | undefined
}

/** Receive from these sockets, in the order of channels, until all have ended. */
export interface ReceiveJob {
  readonly fds: readonly number[]
}

/** A frame made of a run of pages in a slot. */
export interface ReceivedPiece extends PageRun {
  /** Of the pages themselves, in the memory of slots. */
  readonly slotOffset: number
  /** Whether the frame lies in the memory of outputs, compressed; otherwise it is the pages. */
  readonly compressed: boolean
  /** Byte offset of the frame in its memory. */
  readonly offset: number
  readonly length: number
  /** crc32c of the frame. */
  readonly crc: number
}

/** What came in one packet. The slot is the receiver's until it releases it. */
export interface ReceivedPacket {
  readonly block: string
  /** Pages that are zero. */
  readonly zeros: readonly PageRun[]
  readonly slot: number | undefined
  readonly pieces: readonly ReceivedPiece[]
}

/** What a receiving thread says. */
export type ReceiveAnswer =
  | {
      readonly kind: 'packet'
      readonly channel: number
      readonly bytes: number
      readonly packet: ReceivedPacket
    }
  /** All channels have ended, and this thread has told all that it took from them; another may not have. */
  | { readonly kind: 'done' }
  | {
      readonly kind: 'failed'
      readonly fault: WireErrorKind
      readonly message: string
      readonly offset: number
    }

/** A packet's 128 pages compressed: they take no more room, and zero pages between them next to none. */
export const OUTPUT_LENGTH: number = 576 * 1024

/** A packet's 128 pages, and as much again for gaps that are bridged. */
export const SLOT_LENGTH: number = 1024 * 1024
