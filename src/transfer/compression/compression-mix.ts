/** What a save costs for each packet of pages, in milliseconds of the whole save. */
export interface PacketCosts {
  /** To receive the packet and to store it as it is. */
  readonly receiveMs: number
  /** To compress it, in addition. */
  readonly compressMs: number
  /** The disk, to write it as it is. 0 if the speed of the disk is not known. */
  readonly diskMs: number
  /** The share of its bytes that compressing removes. */
  readonly removed: number
}

/** A save may take this much longer than the fastest mix would, so that its file becomes smaller. */
const PATIENCE = 1.3

/** A disk for which the processors would wait for less than this share of an uncompressed save counts as fast: its speed is not measured more exactly. */
const SLOW_DISK = 0.4

/**
 * The share of packets to compress, from 0 to 1. Processors and disk work at the same time, and the slower side decides: the more is compressed, the
 * more the processors have to do, and the less the disk. The choice is the largest share with which a save takes at most 30 % longer than with the
 * fastest one.
 */
export function chooseShare({ receiveMs, compressMs, diskMs, removed }: PacketCosts): number {
  const disk = diskMs - receiveMs > diskMs * SLOW_DISK ? diskMs : 0
  // Where both sides take the same time.
  const balanced = clamp((disk - receiveMs) / (compressMs + removed * disk))
  const fastest = Math.max(receiveMs + balanced * compressMs, (1 - balanced * removed) * disk)
  return clamp((fastest * PATIENCE - receiveMs) / compressMs)
}

/** How long the disk takes beside the processors if everything is compressed: above 1, it is still the slower side. */
export function diskRatio({ receiveMs, compressMs, diskMs, removed }: PacketCosts): number {
  return ((1 - removed) * diskMs) / (receiveMs + compressMs)
}

function clamp(share: number): number {
  return Math.min(Math.max(share, 0), 1)
}
