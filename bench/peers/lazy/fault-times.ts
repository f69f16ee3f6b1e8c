import { FILL_FROM, ramAddressOf } from '../../content/fill-guest.ts'
import type { AnsweringChild } from '../../host/answering-child.ts'
import { type BenchSetting, filledBytes } from '../../setting.ts'

/** A page that a guest waits for longer than this will never come. */
const TIMEOUT_MS = 60_000

/** When pages are asked for. */
export interface FaultPace {
  readonly most: number
  /** Between an answer and the next read; it varies by a quarter, so that reads fall on every moment of what else happens. */
  readonly gapMs: number
  readonly forMs: number
}

/** Where pages are read: some addresses in the memory of a process. */
export interface FaultTask extends FaultPace {
  readonly pid: number
  readonly from: number
  readonly to: number
}

/** How long reads of missing pages took, and reads of the same pages directly afterwards; in milliseconds. */
export interface FaultTimes {
  readonly missingMs: readonly number[]
  readonly presentMs: readonly number[]
}

/** The program that reads. */
export const FAULT_PROGRAM: URL = new URL('./fault-program.ts', import.meta.url)

/**
 * Reads single pages of a guest that have not arrived, at random places of its filled memory. The kernel takes such a fault of another process for one of the guest: userfaultfd
 * reports it to QEMU, and the page server sends the page.
 */
export async function faultTimes(
  reader: AnsweringChild,
  guest: { readonly qemu: number; readonly setting: BenchSetting },
  pace: FaultPace,
): Promise<FaultTimes> {
  const { qemu, setting } = guest
  const start = ramAddressOf(qemu, setting.ramBytes)
  const range = { from: start + FILL_FROM, to: start + filledBytes(setting) }
  const task: FaultTask = { ...pace, ...range, pid: qemu }
  // Only a kill ends a process that waits for a page.
  return (await reader.ask(task, pace.forMs + TIMEOUT_MS)) as FaultTimes
}
