import type { Packing, SaveFormat } from './save-format.ts'
import type { FrameCodec } from './stasis/frame-codec.ts'

/** The properties of a format that the rest of the program uses. This is plain data, so that reading it loads none of the code of the format. */
export interface ImageFormat {
  readonly name: SaveFormat
  /** Its number in the header's `format` word (docs/format/libvirt-header.md). */
  readonly number: number
  readonly traits: FormatTraits
}

/** How a saving QEMU transfers a machine: as one stream, with additional multifd channels, or by writing the file itself. */
export type SaveTransport = 'stream' | 'multifd' | 'mapped-ram'

/** The compression of the memory in an image. */
export type FormatCompression =
  | { readonly by: 'none' }
  /** Our codecs compress each frame. */
  | { readonly by: 'codec'; readonly default: FrameCodec }
  /** QEMU compresses its channels on request. */
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
  /** Whether a save and a restore bypass the page cache by default. */
  readonly bypassesCache: { readonly save: boolean; readonly restore: boolean }
  /** Whether each page has a checksum. A page that is mapped into a guest is never compared with it. */
  readonly checksummedPages: boolean
  /** The unit of the checksums: each frame, each file as a whole, the compressed data (by the packing itself), or nothing. */
  readonly checksums: 'frames' | 'files' | 'packing' | 'none'
  /** The numbers of the compressions in the header's extension; absent: the format's header has no extension. */
  readonly extensionCompressions?: Readonly<Record<string, number>>
  /** All files of an image at `path` with that many channels. */
  files(path: string, channels: number): readonly string[]
}
