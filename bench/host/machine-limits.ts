import { constants } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { allocateAligned } from '../../src/io/memory/aligned-memory.ts'
import type { MachineLimits } from '../report/bench-record.ts'

const MIB = 2 ** 20
/** One request at a time does not show what a disk can do. */
const LANES = 4
const REQUEST = 4 * MIB
const PASSES = 3

/** What `measureLimits` writes. */
export const LIMITS_BYTES: number = 1024 * MIB

/** Measures the best of some passes: the disk past the page cache, four requests at a time, and one processor that copies memory. */
export async function measureLimits(directory: string): Promise<MachineLimits> {
  const path = join(directory, 'limits')
  const buffers = Array.from({ length: LANES }, () => allocateAligned(REQUEST).fill(1))
  const { O_CREAT, O_RDWR, O_DIRECT } = constants
  await using file = await open(path, O_CREAT | O_RDWR | O_DIRECT, 0o600)
  try {
    const write = async (buffer: Uint8Array, at: number): Promise<void> => {
      await file.write(buffer, 0, REQUEST, at)
    }
    const read = async (buffer: Uint8Array, at: number): Promise<void> => {
      await file.read(buffer, 0, REQUEST, at)
    }
    return {
      diskWrite: await bestRate(() => pass(file, buffers, write)),
      diskRead: await bestRate(() => pass(file, buffers, read)),
      memoryCopy: await bestRate(copyMemory()),
    }
  } finally {
    await rm(path)
  }
}

/** Bytes per second of the fastest pass over `LIMITS_BYTES`. */
async function bestRate(act: () => Promise<void>): Promise<number> {
  let best = 0
  for (let number = 0; number < PASSES; number += 1) {
    const started = performance.now()
    await act()
    best = Math.max(best, (LIMITS_BYTES * 1000) / (performance.now() - started))
  }
  return best
}

/** One pass over the file; what was written is durable. */
async function pass(
  file: FileHandle,
  buffers: readonly Uint8Array[],
  act: (buffer: Uint8Array, at: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const lane = async (buffer: Uint8Array): Promise<void> => {
    for (let at = next; at < LIMITS_BYTES; at = next) {
      next += REQUEST
      await act(buffer, at)
    }
  }
  await Promise.all(buffers.map(lane))
  await file.sync()
}

/** Copies buffers that no cache holds. */
function copyMemory(): () => Promise<void> {
  const from = Buffer.alloc(256 * MIB, 1)
  const to = Buffer.alloc(256 * MIB, 2)
  return () => {
    for (let copied = 0; copied < LIMITS_BYTES; copied += from.length) from.copy(to)
    return Promise.resolve()
  }
}
