import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { MachineLimits } from '../report/bench-record.ts'
import { evictImage } from './files.ts'

const MIB = 2 ** 20
/** One request at a time does not show what a disk can do. */
const LANES = 4
const MOST_BLOCKS = 64

/** The most that `measureLimits` writes. */
export const LIMITS_BYTES: number = LANES * MOST_BLOCKS * 4 * MIB

/** Measures the disk past the page cache, by four `dd` at a time, and one processor that copies memory. */
export async function measureLimits(
  directory: string,
  contentPath: string,
): Promise<MachineLimits> {
  const path = join(directory, 'limits')
  const blocks = Math.min(Math.floor((await stat(contentPath)).size / (4 * MIB)), MOST_BLOCKS)
  const lane = (from: string, to: string, flags: readonly string[]) => (index: number) => [
    ...[`if=${from}`, `of=${to}`, 'bs=4M', `count=${blocks}`, ...flags],
    ...(to === path ? [`seek=${index * blocks}`, 'conv=notrunc,fsync'] : []),
    ...(from === path ? [`skip=${index * blocks}`] : []),
  ]
  const total = blocks * LANES * 4 * MIB
  const diskWrite = total / (await seconds(lane(contentPath, path, ['oflag=direct'])))
  await evictImage(path)
  const diskRead = total / (await seconds(lane(path, '/dev/null', ['iflag=direct'])))
  await rm(path)
  return { diskWrite, diskRead, memoryCopy: memoryCopy() }
}

async function seconds(lane: (index: number) => readonly string[]): Promise<number> {
  const started = performance.now()
  const ends = Array.from({ length: LANES }, (_, index) =>
    once(spawn('dd', lane(index), { stdio: 'ignore' }), 'close'),
  )
  for (const [code] of (await Promise.all(ends)) as [number][])
    if (code !== 0) throw new Error('dd failed')
  return (performance.now() - started) / 1000
}

/** Of buffers that no cache holds; the first passes touch them. */
function memoryCopy(): number {
  const from = Buffer.alloc(256 * MIB, 1)
  const to = Buffer.alloc(256 * MIB, 2)
  from.copy(to)
  const passes = 4
  const started = performance.now()
  for (let pass = 0; pass < passes; pass += 1) from.copy(to)
  return (passes * from.length * 1000) / (performance.now() - started)
}
