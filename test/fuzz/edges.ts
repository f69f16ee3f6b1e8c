/** Numbers at which a parser may go wrong: both ends of every width, and sizes of this program. */
export const EDGES: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 7n, 8n, 0x10n, 0x20n, 63n, 64n, 65n],
  ...[8n, 15n, 16n, 20n, 24n, 31n, 32n, 40n, 47n, 52n, 53n, 63n, 64n].flatMap((bits) => {
    const power = 1n << bits
    return [power - 1n, power, power + 1n]
  }),
  ...[4095n, 4096n, 4097n, 8192n, 65535n, 65536n, 0x100000n, 0x4000_0000n, 0x7fff_f000n],
]

/** Writes the low bytes of a number. */
export function putInteger(
  bytes: Uint8Array,
  at: number,
  value: bigint,
  { width, bigEndian }: { readonly width: number; readonly bigEndian: boolean },
): void {
  for (let byte = 0; byte < width; byte += 1) {
    const shift = BigInt(8 * (bigEndian ? width - 1 - byte : byte))
    if (at + byte < bytes.length) bytes[at + byte] = Number((value >> shift) & 0xffn)
  }
}
