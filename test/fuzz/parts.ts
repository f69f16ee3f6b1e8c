/** Several pieces in one input, for parsers that read more than one: each with its length in front. */
export function packParts(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4)
      length.writeUInt32LE(part.length)
      return [length, part]
    }),
  )
}

/** The pieces of an input, whatever its lengths say: exactly `count`, empty ones where it ends sooner. */
export function unpackParts(input: Uint8Array, count: number): readonly Uint8Array[] {
  const bytes = Buffer.from(input)
  let at = 0
  return Array.from({ length: count }, () => {
    const length = at + 4 <= bytes.length ? bytes.readUInt32LE(at) : 0
    const part = bytes.subarray(at + 4, at + 4 + length)
    at += 4 + part.length
    return part
  })
}
