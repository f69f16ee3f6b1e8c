import { UsageError } from '../../errors.ts'
import type { Compression } from '../../image/header.ts'
import { PACKINGS, isPacked } from '../../image/packed/packing.ts'
import type { CompressionLevel } from '../../transfer/image-receiver.ts'
import type { SaveFormat } from '../../image/save-format.ts'

/** What a caller may ask of the image; what is left out is chosen. */
export interface SaveRequest {
  /** Default: `stasis`. */
  readonly format?: SaveFormat | undefined
  /** Ask for several channels; the formats that can have them have them anyway, the others then refuse. */
  readonly parallel?: boolean | undefined
  /** How many channels, 1 to 64. Default: 2. */
  readonly channels?: number | undefined
  /** Default: `zstd` for `stasis`, else `none`. */
  readonly compression?: Compression | undefined
  /** Default: `adaptive`, which spends what the disk leaves idle. */
  readonly compressionLevel?: CompressionLevel | undefined
  /** Write past the page cache. Default: for `stasis` and `sparse`. */
  readonly bypassCache?: boolean | undefined
}

/** A request with every choice made. */
export interface SaveSettings {
  readonly format: SaveFormat
  /** 0: a single stream. */
  readonly channels: number
  readonly compression: Compression
  readonly compressionLevel: CompressionLevel
  readonly direct: boolean
}

const DEFAULT_CHANNELS = 2
const MAX_CHANNELS = 64

/**
 * Makes every choice that a request leaves open.
 * @throws UsageError BAD_ARGUMENT, BAD_COMBINATION
 */
export function resolveSaveOptions(request: SaveRequest): SaveSettings {
  const { format = 'stasis', channels = DEFAULT_CHANNELS, compressionLevel = 'adaptive' } = request
  const compression = request.compression ?? (format === 'stasis' ? 'zstd' : 'none')
  if (!Number.isInteger(channels) || channels < 1 || channels > MAX_CHANNELS) {
    throw new UsageError(
      'BAD_ARGUMENT',
      `${channels} is no number of channels: it must be from 1 to ${MAX_CHANNELS}`,
    )
  }
  if (isPacked(format)) checkRange(format, PACKINGS[format].levels, compressionLevel)
  else checkLevel(compression, compressionLevel)
  const single = format === 'raw' || isPacked(format)
  if (single) checkSingleStream(format, request)
  if (format === 'sparse' && compression !== 'none') throw notCompressed()
  return {
    format,
    channels: single ? 0 : channels,
    compression,
    compressionLevel,
    direct: request.bypassCache ?? (format === 'stasis' || format === 'sparse'),
  }
}

function checkSingleStream(
  format: SaveFormat,
  { parallel, channels, compression = 'none' }: SaveRequest,
): void {
  if (parallel !== true && channels === undefined && compression === 'none') return
  const what = compression === 'none' ? 'parallel channels' : 'compression'
  throw new UsageError('BAD_COMBINATION', `The format ${format} is one stream: it has no ${what}`, {
    hint: 'Leave that out, or choose the format stasis or channels',
  })
}

function notCompressed(): UsageError {
  return new UsageError('BAD_COMBINATION', 'The format sparse is never compressed', {
    hint: 'Leave that out, or choose the format stasis',
  })
}

const LEVELS = { zlib: [1, 9], zstd: [-7, 19] } as const

function checkLevel(compression: Compression, level: CompressionLevel): void {
  if (level === 'adaptive') return
  if (compression === 'none') {
    throw new UsageError('BAD_COMBINATION', 'A compression level was given without compression', {
      hint: 'Choose zlib or zstd, or leave the level out',
    })
  }
  checkRange(compression, LEVELS[compression], level)
}

function checkRange(
  method: string,
  [least, most]: readonly [number, number],
  level: CompressionLevel,
): void {
  if (level === 'adaptive') return
  if (Number.isInteger(level) && level >= least && level <= most) return
  throw new UsageError(
    'BAD_ARGUMENT',
    `${level} is no level of ${method}: it must be from ${least} to ${most}`,
  )
}
