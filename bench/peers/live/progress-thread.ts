// Looks at the memory of a guest that writes numbered pages (test/guests/pages.s), about a thousand times a second, and notes how far it is.
import { openSync, readSync } from 'node:fs'
import { workerData } from 'node:worker_threads'

/** What the thread gets: `samples` is pairs of a time (ms since 1970) and a count of pages, `state` is their number and a request to end. */
export interface ProgressThreadData {
  readonly pid: number
  /** Where the guest's pages begin in the memory of its QEMU. */
  readonly address: number
  readonly pages: number
  readonly samples: SharedArrayBuffer
  readonly state: SharedArrayBuffer
}

/** Each eighth page is zero after every second pass, so only one of eight is read. */
const STEP = 8
const PAGE = 4096

const data = workerData as ProgressThreadData
const samples = new Float64Array(data.samples)
const state = new Int32Array(data.state)
const memory = openSync(`/proc/${data.pid}/mem`, 'r')
const word = Buffer.alloc(4)
const units = Math.max(1, Math.floor(data.pages / STEP))

function numberOf(unit: number): number {
  readSync(memory, word, 0, 4, data.address + unit * STEP * PAGE)
  return word.readUInt32LE()
}

/** How many pages the guest has written so far. */
function position(): number {
  const pass = numberOf(0)
  let low = 0
  let high = units
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (numberOf(middle) >= pass) low = middle
    else high = middle
  }
  return (pass * units + low) * STEP
}

for (let at = 0; at * 2 + 1 < samples.length && Atomics.load(state, 1) === 0; at += 1) {
  try {
    samples[at * 2] = performance.timeOrigin + performance.now()
    samples[at * 2 + 1] = position()
  } catch {
    // QEMU has ended.
    break
  }
  Atomics.store(state, 0, at + 1)
  Atomics.wait(state, 1, 0, 1)
}
