/** Reads 64 bits, low word first. Inexact above 2^53, but any check against a file's length refuses such a number. */
export function readLong(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 4) * 0x1_0000_0000 + bytes.readUInt32LE(at)
}

/** Writes 64 bits, low word first. */
export function writeLong(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value % 0x1_0000_0000, at)
  bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4)
}
