import { chooseShare, diskRatio } from './compression-mix.ts'
import { type DiskWork, PacketMeter, type PacketWork } from './packet-costs.ts'

/** Packets between two decisions. */
const WINDOW = 16

/** The next level is tried when the disk is the slower side by more than this, and left when it is the faster side by as much. */
const HYSTERESIS = 1.15

/** Chooses for each packet of a save whether it is compressed and at which level, by what packets and disk have cost so far. */
export class AdaptiveMix {
  readonly #ladder: readonly number[]
  readonly #meter: PacketMeter
  #rung = 0
  #share = 1
  /** The part of a packet that the share still owes to compression. */
  #owed = 0
  #packets = 0

  /** `ladder` has the levels of the codec, fastest first. */
  constructor(ladder: readonly number[], threads: number) {
    this.#ladder = ladder
    this.#meter = new PacketMeter(threads)
  }

  /** The level of the next packet; `undefined` stores it as it is. */
  next(work: PacketWork, disk: DiskWork): number | undefined {
    this.#meter.count(work, work.level === this.#ladder[this.#rung])
    this.#packets += 1
    if (this.#packets % WINDOW === 0) this.#decide(disk)
    this.#owed += this.#share
    if (this.#owed < 1) return undefined
    this.#owed -= 1
    return this.#ladder[this.#rung]
  }

  #decide(disk: DiskWork): void {
    const costs = this.#meter.costs(disk)
    if (costs === undefined) return
    this.#share = chooseShare(costs)
    const ratio = diskRatio(costs)
    const before = this.#rung
    if (ratio > HYSTERESIS) this.#rung = Math.min(before + 1, this.#ladder.length - 1)
    else if (ratio < 1 / HYSTERESIS) this.#rung = Math.max(before - 1, 0)
    if (this.#rung !== before) this.#meter.forgetCompression()
  }
}
