import type { Packing } from '../save-format.ts'

/** How many bytes of each end of a file `lacksEnd` reads. */
export const END_LENGTH = 16

interface Marks {
  /** The first bytes of a stream. */
  readonly start: Uint8Array
  /** Whether these are the last bytes of a whole stream. */
  readonly endsWhole: (last: Buffer) => boolean
}

/**
 * The start and end of each packing that a program decompresses. The program reports every fault in words, with the same exit code, so this inspects
 * the file itself. Sources: the .xz file format 1.2.1 (2.1.2: the footer ends with `YZ`); bzip2 1.0.8 compress.c `BZ2_compressBlock` (the end mark,
 * aligned to bits, and a checksum of 32 bits); lzop 1.04 lzop.c (the last block has the length 0).
 */
const MARKS: Readonly<Record<Packing, Marks | undefined>> = {
  xz: {
    start: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]),
    endsWhole: (last) => last.toString('latin1').replace(/\0+$/, '').endsWith('YZ'),
  },
  bzip2: { start: Buffer.from('BZh'), endsWhole: endsAsBzip2 },
  lzop: {
    start: Buffer.from([0x89, 0x4c, 0x5a, 0x4f, 0]),
    endsWhole: (last) => last.subarray(-4).equals(Buffer.alloc(4)),
  },
  // Node decompresses these, and its errors have codes.
  gzip: undefined,
  zstd: undefined,
}

/** Whether a stream starts like one of its packing and does not end like one, by its first and last `END_LENGTH` bytes. */
export function lacksEnd(packing: Packing, first: Buffer, last: Buffer): boolean {
  const marks = MARKS[packing]
  if (marks === undefined) return false
  return first.subarray(0, marks.start.length).equals(marks.start) && !marks.endsWhole(last)
}

const BZIP2_END = 0x1772_4538_5090n
const BZIP2_END_BITS = 48n
const BZIP2_CRC_BITS = 32n

/** After the mark and the checksum, 0 to 7 bits fill the last byte. */
function endsAsBzip2(last: Buffer): boolean {
  const bits = BigInt(`0x${last.toString('hex').padStart(2, '0')}`)
  const mask = (1n << BZIP2_END_BITS) - 1n
  for (let padding = 0n; padding < 8n; padding += 1n)
    if (((bits >> (BZIP2_CRC_BITS + padding)) & mask) === BZIP2_END) return true
  return false
}
