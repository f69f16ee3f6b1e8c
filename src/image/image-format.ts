import type { Packing, SaveFormat } from './save-format.ts'
import type { FrameCodec } from './stasis/frame-codec.ts'

/**
 * What the rest of the program asks about a format. This is plain data, so that a question loads none of the code that reads and
 * writes the format.
 */
export interface ImageFormat {
  readonly name: SaveFormat
  /** The number that stands for it in the header's `format` word (docs/format/libvirt-header.md). */
  readonly number: number
  readonly traits: FormatTraits
}

/** How a saving QEMU hands a machine over: as one stream, over multifd channels besides, or by writing the file itself. */
export type SaveTransport = 'stream' | 'multifd' | 'mapped-ram'

/** Who compresses the memory in an image, and how. */
export type FormatCompression =
  | { readonly by: 'none' }
  /** We compress frames, each by a codec of ours. */
  | { readonly by: 'codec'; readonly default: FrameCodec }
  /** QEMU compresses its channels, if asked to. */
  | { readonly by: 'multifd' }
  /** The whole stream is always compressed. */
  | {
      readonly by: 'packing'
      readonly packing: Packing
      readonly levels: readonly [least: number, most: number]
    }

/** The ways in which formats differ. */
export interface FormatTraits {
  readonly transport: SaveTransport
  readonly compression: FormatCompression
  /** Whether a save and a restore go past the page cache by default. */
  readonly bypassesCache: { readonly save: boolean; readonly restore: boolean }
  /** Whether each page has a checksum. Nothing compares a page that is mapped into a guest with it. */
  readonly checksummedPages: boolean
  /** The numbers of the compressions in the header's extension; absent: the format's header has no extension. */
  readonly extensionCompressions?: Readonly<Record<string, number>>
  /** All files of an image at `path` that has so many channels. */
  files(path: string, channels: number): readonly string[]
}
