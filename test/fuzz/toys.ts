import type { FuzzParser } from './parser.ts'

/** A parser with a fault behind four comparisons, each of which one byte in sixteen passes. */
const deep: FuzzParser = {
  name: 'toy-deep',
  seeds: () => [new Uint8Array(4)],
  run: (input) => deepFault(input),
}

function deepFault(input: Uint8Array): boolean {
  if ((input[0] ?? 0) >> 4 !== 5) return false
  if ((input[1] ?? 0) >> 4 !== 6) return false
  if ((input[2] ?? 0) >> 4 !== 7) return false
  if ((input[3] ?? 0) >> 4 === 8) throw new TypeError('planted')
  return true
}

/** Ends in a loop when it is asked to. */
const hanging: FuzzParser = {
  name: 'toy-hanging',
  seeds: () => [Buffer.from('go on')],
  words: ['stop'],
  run: (input) => {
    while (Buffer.from(input).includes('stop'));
  },
}

/** Takes as much memory as it is told. */
const greedy: FuzzParser = {
  name: 'toy-greedy',
  seeds: () => [new Uint8Array(4)],
  run: (input) => (input.length < 4 ? 0 : Buffer.alloc(Buffer.from(input).readUInt32LE(0)).length),
}

/** Reads where it is told. */
const straying: FuzzParser = {
  name: 'toy-straying',
  seeds: () => [new Uint8Array(8)],
  run: async (input, { directory }) => {
    const { open, writeFile } = await import('node:fs/promises')
    await writeFile(`${directory}/file`, input)
    await using file = await open(`${directory}/file`)
    const at = Buffer.from(input)
      .subarray(0, 4)
      .reduce((sum, byte) => sum * 256 + byte, 0)
    await file.read(Buffer.alloc(4), 0, 4, at)
  },
}

/** Ends the whole process. */
const crashing: FuzzParser = {
  name: 'toy-crashing',
  seeds: () => [Buffer.from('a')],
  words: ['crash'],
  run: (input) => {
    if (Buffer.from(input).includes('crash')) process.abort()
  },
}

/** Parsers with planted faults: the fuzzer must find them. */
export const TOYS: readonly FuzzParser[] = [deep, hanging, greedy, straying, crashing]
