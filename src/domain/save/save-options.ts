import { checkOptions } from '../store/check-options.ts'
import { UsageError } from '../../errors.ts'
import { COMPRESSIONS, type Compression } from '../../image/compression.ts'
import { DEFAULT_FORMAT, FORMATS, SAVE_FORMATS, isStreamFormat } from '../../image/format-table.ts'
import type { SaveFormat } from '../../image/save-format.ts'
import { FRAME_CODECS, type FrameCodec } from '../../image/stasis/frame-codec.ts'
import { CODECS } from '../../io/codecs/codec-table.ts'
import { MULTIFD_LEVELS } from '../../migration/parameters.ts'
import type { CompressionLevel } from '../../transfer/image-receiver.ts'
import { MULTIFD_COMPRESSIONS, type MultifdCompression } from '../../wire/multifd-packet.ts'

/** A caller's wishes for the image; omitted ones get defaults. */
export interface SaveRequest {
  /** Default: `stasis`. */
  readonly format?: SaveFormat | undefined
  /** Require several channels. Formats that support them use them anyway; the others then refuse. */
  readonly parallel?: boolean | undefined
  /** Number of channels, 1 to 64. Default: 2. */
  readonly channels?: number | undefined
  /** A codec for `stasis` (default: `zstd`); for `channels`, QEMU's own compression (default: `none`). */
  readonly compression?: Compression | undefined
  /** Default: `adaptive`, which uses the processor time that the disk leaves, and a little more. */
  readonly compressionLevel?: CompressionLevel | undefined
  /** Bypass the page cache. Default: for `stasis` and `sparse`. */
  readonly bypassCache?: boolean | undefined
  /** Write a digest beside an image of one of libvirt's formats, which have no checksums of their own. Default: false. */
  readonly digest?: boolean | undefined
}

/** A request with all defaults filled in. */
export interface SaveSettings {
  readonly format: SaveFormat
  /** 0: a single stream. */
  readonly channels: number
  /** Our compression of frames; `none` for every format but `stasis`. */
  readonly codec: FrameCodec
  /** QEMU's compression of its channels; `none` for every format but `channels`. */
  readonly multifdCompression: MultifdCompression
  readonly compressionLevel: CompressionLevel
  readonly direct: boolean
}

const DEFAULT_CHANNELS = 2
const MAX_CHANNELS = 64

/**
 * Fills in the defaults of a request.
 * @throws UsageError BAD_ARGUMENT, BAD_COMBINATION
 */
export function resolveSaveOptions(request: SaveRequest): SaveSettings {
  checkOptions(request, { format: SAVE_FORMATS, compression: COMPRESSIONS })
  const {
    format = DEFAULT_FORMAT,
    channels = DEFAULT_CHANNELS,
    compressionLevel = 'adaptive',
  } = request
  if (!Number.isInteger(channels) || channels < 1 || channels > MAX_CHANNELS) {
    throw new UsageError(
      'BAD_ARGUMENT',
      `channels must be between 1 and ${MAX_CHANNELS}, got ${channels}`,
    )
  }
  const single = isStreamFormat(format)
  if (request.digest === true) checkDigest(format)
  if (single) checkSingleStream(format, request)
  return {
    format,
    channels: single ? 0 : channels,
    ...resolveCompression(format, request.compression, compressionLevel),
    compressionLevel,
    direct: request.bypassCache ?? FORMATS[format].traits.bypassesCache.save,
  }
}

/** @throws UsageError when the format has checksums of its own */
export function checkDigest(format: SaveFormat): void {
  const { checksums } = FORMATS[format].traits
  if (checksums === 'none' || checksums === 'packing') return
  throw new UsageError(
    'BAD_COMBINATION',
    `The format ${format} has checksums of its own: it needs no digest`,
    { hint: "Omit the digest, or use one of libvirt's formats" },
  )
}

function checkSingleStream(
  format: SaveFormat,
  { parallel, channels, compression = 'none' }: SaveRequest,
): void {
  if (parallel !== true && channels === undefined && compression === 'none') return
  const feature = compression === 'none' ? 'parallel channels' : 'compression'
  throw new UsageError(
    'BAD_COMBINATION',
    `The format ${format} is a single stream: it does not support ${feature}`,
    {
      hint: 'Omit that option, or use the format stasis or channels',
    },
  )
}

/** The two kinds of compression: at most one is in use. */
interface Compressions {
  readonly codec: FrameCodec
  readonly multifdCompression: MultifdCompression
}

function resolveCompression(
  format: SaveFormat,
  requested: Compression | undefined,
  level: CompressionLevel,
): Compressions {
  const { compression } = FORMATS[format].traits
  switch (compression.by) {
    case 'codec': {
      const codec = chosen(format, requested ?? compression.default, FRAME_CODECS)
      checkLevel(codec, codec === 'none' ? undefined : CODECS[codec].levels, level)
      return { codec, multifdCompression: 'none' }
    }
    case 'multifd': {
      const method = chosen(format, requested ?? 'none', MULTIFD_COMPRESSIONS)
      checkLevel(method, method === 'none' ? undefined : MULTIFD_LEVELS[method].levels, level)
      return { codec: 'none', multifdCompression: method }
    }
    case 'packing':
      checkLevel(compression.packing, compression.levels, level)
      return { codec: 'none', multifdCompression: 'none' }
    case 'none':
      if (requested !== undefined && requested !== 'none') throw neverCompressed(format)
      checkLevel('none', undefined, level)
      return { codec: 'none', multifdCompression: 'none' }
  }
}

function chosen<T extends Compression>(
  format: SaveFormat,
  requested: Compression,
  offered: readonly T[],
): T {
  const found = offered.find((each) => each === requested)
  if (found !== undefined) return found
  throw new UsageError(
    'BAD_COMBINATION',
    `The format ${format} cannot be compressed with ${requested}`,
    {
      hint: `Use one of ${offered.join(', ')}`,
    },
  )
}

function neverCompressed(format: SaveFormat): UsageError {
  return new UsageError('BAD_COMBINATION', `The format ${format} does not support compression`, {
    hint: `Omit the compression, or use the format ${DEFAULT_FORMAT}`,
  })
}

/** `levels`: the levels of the method; `undefined` without compression. */
function checkLevel(
  method: string,
  levels: readonly [least: number, most: number] | undefined,
  level: CompressionLevel,
): void {
  if (level === 'adaptive') return
  if (levels === undefined) {
    throw new UsageError('BAD_COMBINATION', 'A compression level needs a compression', {
      hint: 'Choose a compression, or omit the level',
    })
  }
  const [least, most] = levels
  if (Number.isInteger(level) && level >= least && level <= most) return
  throw new UsageError(
    'BAD_ARGUMENT',
    `The level of ${method} must be between ${least} and ${most}, got ${level}`,
  )
}
