import { type FilterTool, filterStream } from '../../io/filter-process.ts'
import { unpackGzip } from './gzip.ts'
import { unpackZstd } from './zstd.ts'

/** The formats whose body is QEMU's stream, compressed as libvirt's tools do it. */
export const PACKED_FORMATS = ['gzip', 'bzip2', 'xz', 'lzop', 'zstd'] as const

export type PackedFormat = (typeof PACKED_FORMATS)[number]

/** What the bytes of a compressed stream decompress to. A piece of either side holds until the next is asked for. */
export type Unpack = (pieces: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>

/** Who decompresses which format: the tools take the options with which libvirt 9.0 to 12.8 starts them. */
export const UNPACKERS: Readonly<Record<PackedFormat, Unpack>> = {
  gzip: unpackGzip,
  bzip2: byTool({ command: 'bzip2', args: ['-dc'], package: 'bzip2' }),
  xz: byTool({ command: 'xz', args: ['-dc', '-T0'], package: 'xz-utils' }),
  lzop: byTool({ command: 'lzop', args: ['-dc', '--ignore-warn'], package: 'lzop' }),
  zstd: unpackZstd,
}

function byTool(tool: FilterTool): Unpack {
  return (pieces) => filterStream(tool, pieces)
}
