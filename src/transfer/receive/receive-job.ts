import type { PacketWork } from '../compression/packet-costs.ts'
import type { WireErrorKind } from '../../wire/wire-error.ts'
import type { PageSpan } from '../../image/saved-machine.ts'
import type { FrameCodec } from '../../image/stasis/frame-codec.ts'

/** Start data of a receiving thread. */
export interface ReceiveThreadData {
  readonly codec: FrameCodec
  readonly channelCount: number
  readonly slotCount: number
  /** Memory of `ReceiveState`. */
  readonly state: SharedArrayBuffer
  /** Slots, one after another: received pages in the layout of guest memory. */
  readonly slots: SharedArrayBuffer
  /** The compressed pages of each slot, `OUTPUT_LENGTH` for each. `undefined` without a codec. */
  readonly outputs: SharedArrayBuffer | undefined
}

/** Receive from these sockets, in the order of channels, until all have ended. */
export interface ReceiveJob {
  readonly fds: readonly number[]
}

/** A frame made of a run of pages in a slot. */
export interface ReceivedPiece extends PageSpan {
  /** Offset of the pages themselves in the memory of slots. */
  readonly slotOffset: number
  /** Whether the frame is compressed, in the memory of outputs; otherwise it is the pages themselves. */
  readonly compressed: boolean
  /** Byte offset of the frame in its memory. */
  readonly offset: number
  readonly length: number
  /** crc32c of the frame. */
  readonly crc: number
}

/** The content of one packet. The receiver of this message owns the slot until it releases it. */
export interface ReceivedPacket {
  readonly block: string
  /** Pages that are zero. */
  readonly zeros: readonly PageSpan[]
  readonly slot: number | undefined
  readonly pieces: readonly ReceivedPiece[]
  /** How the thread has spent the time since its last packet. `undefined` without pages. */
  readonly work: PacketWork | undefined
}

/** A message of a receiving thread. */
export type ReceiveAnswer =
  | {
      readonly kind: 'packet'
      readonly channel: number
      readonly bytes: number
      readonly packet: ReceivedPacket
    }
  /** All channels have ended, and this thread has reported everything that it took from them; another may not have. */
  | { readonly kind: 'done' }
  | {
      readonly kind: 'failed'
      readonly fault: WireErrorKind
      readonly message: string
      readonly offset: number
    }

/** Space for a packet's 128 pages compressed: they never take more, and zero pages between them take next to nothing. */
export const OUTPUT_LENGTH: number = 576 * 1024

/** A packet's 128 pages, and as much again for bridged gaps. */
export const SLOT_LENGTH: number = 1024 * 1024
