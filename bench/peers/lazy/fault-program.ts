// Reads pages of another process that are missing there, and measures each read: see fault-times.ts.
import { openSync, readSync } from 'node:fs'
import { readForeignMemory } from '../../../src/io/memory/foreign-memory.ts'
import type { FaultTask, FaultTimes } from './fault-times.ts'

const PAGE = 4096

/** After so many places in a row that are present, all memory has come, or nearly. */
const MOST_TRIES = 100_000

const word = Buffer.alloc(8)
const nothing = new Int32Array(new SharedArrayBuffer(4))

/** How long a read of a few bytes takes, in milliseconds. */
function timed(pid: number, address: number): number {
  const started = performance.now()
  readForeignMemory(pid, [{ address, length: word.length }], word)
  return performance.now() - started
}

/** Whether a page has memory, by its entry in `/proc/PID/pagemap` (Linux, pagemap: bit 63). */
function isPresent(pagemap: number, address: number): boolean {
  const entry = Buffer.alloc(8)
  readSync(pagemap, entry, 0, 8, (address / PAGE) * 8)
  return (entry.readUInt8(7) & 0x80) !== 0
}

function missingPage(pagemap: number, { from, to }: FaultTask): number | undefined {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const address = from + Math.floor((Math.random() * (to - from)) / PAGE) * PAGE
    if (!isPresent(pagemap, address)) return address
  }
  return undefined
}

function read(task: FaultTask): FaultTimes {
  const { pid, most, gapMs, forMs } = task
  const pagemap = openSync(`/proc/${pid}/pagemap`, 'r')
  const missingMs: number[] = []
  const presentMs: number[] = []
  // The first call also loads what the others use.
  timed(pid, task.from)
  const end = performance.now() + forMs
  while (missingMs.length < most && performance.now() < end) {
    const address = missingPage(pagemap, task)
    if (address === undefined) break
    missingMs.push(timed(pid, address))
    presentMs.push(timed(pid, address))
    if (gapMs > 0) Atomics.wait(nothing, 0, 0, gapMs * (0.75 + Math.random() / 2))
  }
  return { missingMs, presentMs }
}

process.once('message', (task: FaultTask) => process.send?.(read(task)))
process.send?.('ready')
