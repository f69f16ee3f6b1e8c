import { readFileSync } from 'node:fs'
import type { ScenarioResult } from '../rounds/measurement.ts'

/** What a run of the benchmark writes with `--json`, and what the report is made of. */
export interface BenchRecord {
  readonly startedAt: string
  /** The arguments behind `npm run bench --`. */
  readonly command: readonly string[]
  readonly host: BenchHost
  readonly limits: MachineLimits
  readonly tables: readonly BenchTable[]
}

/** The machine and the programs. */
export interface BenchHost {
  readonly processor: string
  readonly processors: number
  readonly memoryBytes: number
  readonly kernel: string
  readonly fileSystem: string
  readonly node: string
  readonly qemu: string
  /** Our commit. */
  readonly commit: string
}

/** What the machine itself can do, in bytes per second. */
export interface MachineLimits {
  readonly diskWrite: number
  readonly diskRead: number
  readonly memoryCopy: number
}

/** The results of one suite with one guest. */
export interface BenchTable {
  readonly suite: string
  /** Of the guest; absent where the suite has its own. */
  readonly ramBytes?: number
  readonly content: string
  readonly rounds: number
  /** Free memory in huge pages before the first round; how much of the free memory is in one piece decides much of QEMU's time. */
  readonly freeHugeBytes: number
  readonly results: readonly ScenarioResult[]
}

/** A record as `--json` writes it. More digits than these are noise. */
export function recordText(record: BenchRecord): string {
  const rounded = (_key: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value
  return `${JSON.stringify(record, rounded)}\n`
}

/** Reads a file that `--json` wrote. */
export function readBenchRecord(path: string): BenchRecord {
  return JSON.parse(readFileSync(path, 'utf8')) as BenchRecord
}
