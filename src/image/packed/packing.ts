import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import type { ZstdOptions } from 'node:zlib'
import { atFirstUse } from '../../io/at-first-use.ts'
import { type FilterTool, filterBytes, filterStream } from '../../io/processes/filter-process.ts'
import type { Packing } from '../save-format.ts'
import { MEMBER_HEAD, memberHead, unpackGzip } from './gzip.ts'
import { unpackZstd } from './zstd.ts'

/** The methods of one packing. */
export interface PackingMethods {
  /** Decompresses a stream. A piece on either side is valid until the next is requested. */
  readonly unpack: (pieces: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>
  /** Compresses a piece into its own member (frame, stream): the tools read consecutive members as one stream. */
  readonly pack: (piece: Uint8Array<ArrayBuffer>, level: number) => Promise<Uint8Array>
  /** Bytes that are compressed at once. */
  readonly pieceLength: number
  readonly defaultLevel: number
}

const MIB = 1024 * 1024

const UNPACK_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  // The greatest level needs 65 MiB; data that claim more are not a save image.
  xz: ['-dc', '-T0', '--memlimit-decompress=512MiB'],
  lzop: ['-dc', '--ignore-warn'],
}

/**
 * One entry for each packing. The tools get the options with which libvirt 9.0 to 12.8 starts them, and so the same default level. gzip and zstd, which
 * are compressed here, have a fast default, because a guest is stopped meanwhile.
 */
export const PACKINGS: Readonly<Record<Packing, PackingMethods>> = {
  gzip: {
    unpack: unpackGzip,
    pack: packGzip,
    pieceLength: 2 * MIB,
    defaultLevel: 1,
  },
  bzip2: byTool('bzip2', 'bzip2', { pieceLength: 4 * MIB, defaultLevel: 9 }),
  xz: byTool('xz', 'xz-utils', { pieceLength: 8 * MIB, defaultLevel: 3 }),
  lzop: byTool('lzop', 'lzop', { pieceLength: 16 * MIB, defaultLevel: 3 }),
  zstd: {
    unpack: unpackZstd,
    pack: packZstd,
    pieceLength: 2 * MIB,
    defaultLevel: 1,
  },
}

function byTool(
  command: string,
  name: string,
  rest: Pick<PackingMethods, 'pieceLength' | 'defaultLevel'>,
): PackingMethods {
  const unpacker: FilterTool = { command, args: UNPACK_OPTIONS[command] ?? ['-dc'], package: name }
  return {
    unpack: (pieces) => filterStream(unpacker, pieces),
    pack: (piece, level) =>
      filterBytes({ command, args: ['-c', `-${level}`], package: name }, piece),
    ...rest,
  }
}

const deflateAsync = atFirstUse(() => promisify(zlib.deflateRaw))
const zstdAsync = atFirstUse(() => promisify(zlib.zstdCompress))

async function packGzip(piece: Uint8Array<ArrayBuffer>, level: number): Promise<Uint8Array> {
  // One chunk for the whole result: joining small ones costs a fifth of the time.
  const body = await deflateAsync()(piece, { level, chunkSize: piece.length + 4096 })
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(zlib.crc32(piece), 0)
  trailer.writeUInt32LE(piece.length, 4)
  const head = memberHead(MEMBER_HEAD + body.length + trailer.length)
  return Buffer.concat([head, body, trailer])
}

function packZstd(piece: Uint8Array<ArrayBuffer>, level: number): Promise<Uint8Array> {
  const options: ZstdOptions & { readonly pledgedSrcSize: number } = {
    chunkSize: piece.length + 65536,
    // With it the frame contains its content's length, which a reader needs to decompress several at once.
    pledgedSrcSize: piece.length,
    params: {
      // Node interprets -1 as "unset".
      [zlib.constants.ZSTD_c_compressionLevel]: level === -1 ? -2 : level,
      [zlib.constants.ZSTD_c_checksumFlag]: 1,
    },
  }
  return zstdAsync()(piece, options)
}
