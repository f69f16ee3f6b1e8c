import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AdaptiveMix } from './adaptive-mix.ts'

const PACKET = 512 * 1024
const THREADS = 2
/** What may wait for the disk before the threads wait for it. */
const MOST_PENDING = 9 * 1024 * 1024
const REMOVED = 0.4

/** A disk that accepts bytes at its peak, in milliseconds, as long as its bucket has some. */
interface Disk {
  readonly speed: number
  readonly peak: number
  readonly bucket: number
}

const FAST: Disk = { speed: 3e6, peak: 3e6, bucket: 3e8 }

const throttled = (megabytesPerSecond: number): Disk => ({
  speed: megabytesPerSecond * 1000,
  peak: 2e6,
  bucket: megabytesPerSecond * 1e5,
})

/** A mix, or only its answer. */
type Chooser = Pick<AdaptiveMix, 'next'>

/** A save of 1.5 GiB, by the costs of packets: how long it takes, and the share of its bytes that the file has. */
function save(disk: Disk, chooser: Chooser = new AdaptiveMix([1, 3], THREADS)) {
  const packets = 3000
  const write = new PendingWrites(disk)
  let ms = 0
  let fileBytes = 0
  let level: number | undefined = 1
  for (let packet = 0; packet < packets; packet += 1) {
    const used = level
    const packMs = used === undefined ? 0.08 : used === 1 ? 0.75 : 0.9
    const storedBytes = used === undefined ? PACKET : PACKET * (1 - REMOVED)
    const workMs = (0.43 + packMs) / THREADS
    write.during(workMs)
    ms += workMs
    let slotMs = 0
    for (; write.pending > MOST_PENDING; slotMs += 0.5) write.during(0.5)
    ms += slotMs
    write.pending += storedBytes
    fileBytes += storedBytes
    const work = { sourceMs: 0.03, receiveMs: 0.4, packMs, slotMs, bytes: PACKET, storedBytes }
    level = chooser.next({ ...work, level: used }, { ...write.done })
  }
  for (; write.pending > 0; ms += 0.5) write.during(0.5)
  return { ms, share: fileBytes / packets / PACKET }
}

class PendingWrites {
  pending = 0
  readonly done = { bytes: 0, ms: 0 }
  readonly #disk: Disk
  #bucket: number

  constructor(disk: Disk) {
    this.#disk = disk
    this.#bucket = disk.bucket
  }

  during(ms: number): void {
    const { speed, peak, bucket } = this.#disk
    const step = Math.min(ms, 1)
    this.#bucket = Math.min(bucket, this.#bucket + speed * step)
    const bytes = Math.min(peak * step, this.#bucket, this.pending)
    this.#bucket -= bytes
    this.pending -= bytes
    this.done.bytes += bytes
    this.done.ms += this.pending > 0 ? step : bytes / peak
    if (ms > 1) this.during(ms - 1)
  }
}

const uncompressed: Chooser = { next: () => undefined }

test('AdaptiveMix makes a file smaller on a fast disk, for at most a third of the time', () => {
  const { ms, share } = save(FAST)
  assert.ok(ms < save(FAST, uncompressed).ms * 1.34, `${ms} ms`)
  assert.ok(share < 0.93, `${share}`)
})

test('AdaptiveMix compresses nearly everything on a disk of 500 MB/s, which accepts bytes in bursts', () => {
  const disk = throttled(500)
  const { ms, share } = save(disk)
  assert.ok(ms < save(disk, uncompressed).ms * 0.7, `${ms} ms`)
  assert.ok(share < 0.72, `${share}`)
})

test('AdaptiveMix compresses harder on a disk that stays the slower side', () => {
  const levels = new Set<number | undefined>()
  const mix = new AdaptiveMix([1, 3], THREADS)
  save(throttled(200), {
    next: (work, disk) => {
      const level = mix.next(work, disk)
      levels.add(level)
      return level
    },
  })
  assert.ok(levels.has(3))
})

test('AdaptiveMix is not slower than the better of all and nothing on a disk between both', () => {
  const disk = throttled(800)
  const all = save(disk, { next: () => 1 })
  assert.ok(save(disk).ms < Math.min(save(disk, uncompressed).ms, all.ms))
})
