import type { FrameCodec } from '../../image/stasis/frame-codec.ts'
import { CODECS } from '../../io/codecs/codec-table.ts'
import { AdaptiveMix } from './adaptive-mix.ts'
import type { CompressionLevel } from '../image-receiver.ts'
import type { DiskWork, PacketWork } from './packet-costs.ts'

/** Chooses how the packets of a save are compressed. */
export interface PacketLevels {
  /** The level for the packets that arrive before the first one is processed; `undefined` stores their pages as they are. */
  readonly first: number | undefined
  /** The level for the next packet, after another one. */
  next(work: PacketWork, disk: DiskWork): number | undefined
}

/** Facts of a save that its levels depend on. */
export interface PacketLevelOptions {
  /** How many threads compress. */
  readonly threads: number
  /** Whether writes wait for the disk, so that its speed is known. Otherwise everything is compressed. */
  readonly waitsForDisk: boolean
}

/** Chooses levels for a codec: a fixed one, or those of an `AdaptiveMix`. */
export function choosePacketLevels(
  codec: FrameCodec,
  level: CompressionLevel,
  { threads, waitsForDisk }: PacketLevelOptions,
): PacketLevels {
  if (codec === 'none') return fixed(undefined)
  const { ladder } = CODECS[codec]
  if (level !== 'adaptive') return fixed(level)
  if (!waitsForDisk) return fixed(ladder[0])
  const mix = new AdaptiveMix(ladder, threads)
  return { first: ladder[0], next: (work, disk) => mix.next(work, disk) }
}

function fixed(level: number | undefined): PacketLevels {
  return { first: level, next: () => level }
}
