import type { OtherLoad } from '../host/machine-load.ts'

/** One run of a scenario. Times are seconds. */
export interface Measurement {
  readonly seconds: number
  /** Space that the image takes on the disk. */
  readonly fileBytes?: number
  /** Of the program that is measured, with its daemon and helpers. */
  readonly processorSeconds?: number
  readonly qemuProcessorSeconds?: number
  /** The most memory that one process of the program had. */
  readonly peakBytes?: number
  /** From the stop of the guest until its image was durable. */
  readonly downtimeSeconds?: number
  /** From QEMU's event STOP to its event RESUME, of a guest that continues. */
  readonly pauseSeconds?: number
  /** How long such a guest did nothing around its stop, as seen from outside. */
  readonly visibleSeconds?: number
  /** The longest other time in which it wrote nothing. */
  readonly slowestWriteSeconds?: number
  /** Its pages per second meanwhile, as a part of those before. */
  readonly writeSpeed?: number
  /** Until the guest printed something. */
  readonly outputSeconds?: number
  /** How many pages were read that a lazy restore had not loaded. */
  readonly faults?: number
  /** The median of their times. */
  readonly faultSeconds?: number
  /** One of a hundred took longer. */
  readonly rareFaultSeconds?: number
  readonly slowestFaultSeconds?: number
  /** The median of second reads of the same pages. */
  readonly presentSeconds?: number
  /** The parts of `seconds`, in their order. */
  readonly stages?: Readonly<Record<string, number>>
}

/** A measurement, and what the machine did for others meanwhile, from the preparation to the end. */
export type Run = Measurement & OtherLoad

/** Something that is measured beside others. */
export interface Scenario {
  readonly name: string
  /** The scenario that it is compared with; without it, the fastest one of another program. */
  readonly peer?: string
  /** Its place in a plot of a sweep. */
  readonly point?: SweepPoint
  /** Fewer rounds than the others have: it takes long, and nothing is compared with it. */
  readonly mostRounds?: number
  readonly measure: () => Promise<Measurement>
}

/** The curve, and the value on the horizontal axis. */
export interface SweepPoint {
  readonly series: string
  readonly x: number
}

/** A scenario with all its runs. */
export interface ScenarioResult {
  readonly name: string
  readonly peer?: string
  readonly point?: SweepPoint
  readonly runs: readonly Run[]
}
