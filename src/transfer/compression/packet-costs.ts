import type { PacketCosts } from './compression-mix.ts'

/** How a packet of pages was received: the time of its thread, and what became of its bytes. */
export interface PacketWork {
  /** Waiting for QEMU. */
  readonly sourceMs: number
  /** Waiting until the disk had freed memory for the packet. */
  readonly slotMs: number
  /** Reading from the socket. */
  readonly receiveMs: number
  /** Compressing, or only computing the checksum of pages that are stored as they are. */
  readonly packMs: number
  readonly bytes: number
  readonly storedBytes: number
  /** `undefined` if the pages were stored as they are. */
  readonly level: number | undefined
}

/** What was written to the disk so far, and for how long a write was under way. */
export interface DiskWork {
  readonly bytes: number
  readonly ms: number
}

/** The costs of packets are those of about this time. */
const MEMORY_MS = 200

/** A disk may accept in an instant what its owner allows for 100 ms, and then nothing for 100 ms. So its speed is that of about a second. */
const DISK_MEMORY_MS = 1000

/** Threads that wait for less than this share of their time are not limited by the disk. */
const FEW_WAITS = 0.15

/** While they are not, the disk is taken for a little faster with every decision, until they wait. */
const PROBE = 0.94

interface Sums {
  packets: number
  bytes: number
  /** Time of the threads for everything but compressing and waiting for the disk. */
  otherMs: number
  slotMs: number
  compressed: number
  compressMs: number
  compressedBytes: number
  storedBytes: number
}

const NO_COMPRESSION = { compressed: 0, compressMs: 0, compressedBytes: 0, storedBytes: 0 } as const

/** Measures what packets cost on a number of threads and on the disk, while a save runs. */
export class PacketMeter {
  readonly #threads: number
  readonly #sums: Sums = { packets: 0, bytes: 0, otherMs: 0, slotMs: 0, ...NO_COMPRESSION }
  readonly #disk = { bytes: 0, ms: 0 }
  #lastDisk: DiskWork = { bytes: 0, ms: 0 }
  #sinceDecay = 0
  /** What the disk takes at most for a packet, as the threads have seen it. */
  #mostDiskMs = Infinity

  constructor(threads: number) {
    this.#threads = threads
  }

  /** `counts` is whether the packet was compressed at the present level. */
  count(work: PacketWork, counts: boolean): void {
    const { sourceMs, slotMs, receiveMs, packMs, bytes, storedBytes } = work
    const sums = this.#sums
    sums.packets += 1
    sums.bytes += bytes
    sums.slotMs += slotMs
    sums.otherMs += sourceMs + receiveMs
    this.#sinceDecay += sourceMs + slotMs + receiveMs + packMs
    if (work.level === undefined) sums.otherMs += packMs
    else if (counts) {
      sums.compressed += 1
      sums.compressMs += packMs
      sums.compressedBytes += bytes
      sums.storedBytes += storedBytes
    }
  }

  /** The costs at present; `undefined` before a packet was compressed. */
  costs(disk: DiskWork): PacketCosts | undefined {
    const speed = this.#diskSpeed(disk)
    const { packets, bytes, otherMs, compressed, compressMs, compressedBytes, storedBytes } =
      this.#sums
    if (compressed === 0) return undefined
    const perPacket = {
      receiveMs: otherMs / packets / this.#threads,
      compressMs: compressMs / compressed / this.#threads,
      removed: 1 - storedBytes / compressedBytes,
    }
    const seenMs = this.#seenDiskMs(perPacket)
    const diskMs = speed === 0 ? 0 : Math.min(bytes / packets / speed, seenMs)
    this.#decay()
    return { ...perPacket, diskMs }
  }

  /** Forgets what compressing has cost, because the level changes. */
  forgetCompression(): void {
    Object.assign(this.#sums, NO_COMPRESSION)
  }

  /**
   * The speed that a disk shows to this process is too low when processors are busy. Threads that hardly wait for it prove that it is at least as fast as
   * they are.
   */
  #seenDiskMs({ receiveMs, compressMs, removed }: Omit<PacketCosts, 'diskMs'>): number {
    const { packets, slotMs, compressed } = this.#sums
    const share = compressed / packets
    const workMs = receiveMs + share * compressMs
    const waitMs = slotMs / packets / this.#threads
    const diskMs = (workMs + waitMs) / (1 - share * removed)
    const isLimited = waitMs > FEW_WAITS * (workMs + waitMs)
    this.#mostDiskMs = isLimited ? diskMs : Math.min(this.#mostDiskMs * PROBE, diskMs)
    return this.#mostDiskMs
  }

  /** Bytes for each millisecond, 0 if nothing is known. */
  #diskSpeed(disk: DiskWork): number {
    const ms = disk.ms - this.#lastDisk.ms
    const left = Math.exp(-ms / DISK_MEMORY_MS)
    this.#disk.bytes = this.#disk.bytes * left + disk.bytes - this.#lastDisk.bytes
    this.#disk.ms = this.#disk.ms * left + ms
    this.#lastDisk = disk
    return this.#disk.ms === 0 ? 0 : this.#disk.bytes / this.#disk.ms
  }

  #decay(): void {
    const left = Math.exp(-this.#sinceDecay / this.#threads / MEMORY_MS)
    for (const name of Object.keys(this.#sums) as (keyof Sums)[]) this.#sums[name] *= left
    this.#sinceDecay = 0
  }
}
