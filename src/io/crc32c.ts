import { createRequire } from 'node:module'
import type * as Crc32 from '@node-rs/crc32'
import { atFirstUse } from './at-first-use.ts'

/** Loaded at the first checksum: a command that computes none starts without native code. */
const native = atFirstUse(() => createRequire(import.meta.url)('@node-rs/crc32') as typeof Crc32)

/** The CRC-32C (Castagnoli, RFC 3720 appendix B.4) of some bytes; `initial` is that of the bytes before them. */
export function crc32c(bytes: Uint8Array | string, initial?: number): number {
  return native().crc32c(bytes, initial)
}
