/** Libvirt's compressions of a whole stream, each named after its tool. They differ from QEMU's multifd compression and from our codecs. */
export type Packing = 'gzip' | 'bzip2' | 'xz' | 'lzop' | 'zstd'

/** The formats whose body is QEMU's single migration stream. */
export type StreamFormat = 'raw' | Packing

/** The format of the body of a save image. */
export type SaveFormat = StreamFormat | 'sparse' | 'channels' | 'stasis'
