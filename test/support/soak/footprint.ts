import assert from 'node:assert/strict'
import { readFile, readdir, readlink } from 'node:fs/promises'
import { memoryUsage } from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'

/** What Stasis and the guest's QEMU take from the host at one moment between two operations. */
export interface Footprint {
  /** Descriptors of this process, which calls the library. */
  readonly ownDescriptors: number
  /** Resident memory of this process. */
  readonly ownBytes: number
  readonly qemuDescriptors: number
  readonly qemuBytes: number
  /** Processes whose command line or working directory names the directory, QEMU among them. */
  readonly processes: number
  /** Files below the directory, but not Node's cache of compiled code, which a page server makes once. */
  readonly files: readonly string[]
}

/** Measures. `directory` holds everything that belongs to the guest; `pid` is its QEMU. */
export async function footprintOf(directory: string, pid: number): Promise<Footprint> {
  // What is no longer used becomes free in steps: objects first, then the memory that they had outside the heap.
  for (let step = 0; step < 3; step += 1) {
    globalThis.gc?.()
    await delay(20)
  }
  return {
    ownDescriptors: await descriptorsOf('self'),
    ownBytes: memoryUsage.rss(),
    qemuDescriptors: await descriptorsOf(pid),
    qemuBytes: await residentBytes(pid),
    processes: (await processesOf(directory)).length,
    files: (await readdir(directory, { recursive: true }))
      .filter((name) => !name.includes('cache/node'))
      .toSorted(),
  }
}

/** Processes that belong to what is in a directory: QEMU, page servers, supervisors, commands. */
export async function processesOf(directory: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found: number[] = []
  for (const pid of pids.map(Number)) {
    const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    const place = await readlink(`/proc/${pid}/cwd`).catch(() => '')
    const names = [words, environment, place].some((text) => text.includes(directory))
    if (names && pid !== process.pid) found.push(pid)
  }
  return found
}

/** How much more than in the first measured round each figure may be in any later one. */
const MORE = {
  ownDescriptors: 4,
  ownBytes: 128 * 1024 * 1024,
  qemuDescriptors: 8,
  qemuBytes: 64 * 1024 * 1024,
  processes: 0,
} as const

/** A managed save, an image, what is recorded about them and a running job come and go. */
const MORE_FILES = 8
/** Histories of images that are gone, and orders of their pages, stay until there are 200 of each. */
const HISTORIES = 420

/** Asserts that nothing grows: `first` is from a round after the warm-up. @throws AssertionError */
export function assertNoGrowth(first: Footprint, now: Footprint, round: number): void {
  for (const figure of Object.keys(MORE) as (keyof typeof MORE)[]) {
    const limit = first[figure] + MORE[figure]
    assert.ok(now[figure] <= limit, `${figure} in round ${round}: ${now[figure]}, limit ${limit}`)
  }
  const others = ({ files }: Footprint): number =>
    files.filter((name) => !/state\/(images|orders)\//.test(name)).length
  assert.ok(
    others(now) <= others(first) + MORE_FILES,
    `files in round ${round}: ${now.files.join(', ')}`,
  )
  assert.ok(now.files.length - others(now) <= HISTORIES, `histories and orders, round ${round}`)
  const litter = now.files.filter((name) => /\.partial$|job-abort$|stream\.sock$/.test(name))
  assert.deepEqual(litter, [], `litter in round ${round}`)
}

/** Sockets do not count in QEMU: each connection of the guest is one, for some time after its end. */
async function descriptorsOf(pid: number | 'self'): Promise<number> {
  const fds = await readdir(`/proc/${pid}/fd`)
  if (pid === 'self') return fds.length
  const files = fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => 'socket:'))
  return (await Promise.all(files)).filter((name) => !name.startsWith('socket:')).length
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024
}
