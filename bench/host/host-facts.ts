import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { checkout } from '../peers/commands/stasis-commands.ts'
import type { BenchHost } from '../report/bench-record.ts'

/** The machine and the programs that are measured. */
export function hostFacts(directory: string, emulator: string): BenchHost {
  const first = (program: string, ...args: readonly string[]): string =>
    execFileSync(program, args, { encoding: 'utf8', cwd: checkout }).split('\n', 1)[0] ?? ''
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    processors: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    fileSystem: first('stat', '--file-system', '--format=%T', directory),
    node: process.versions.node,
    qemu: first(emulator, '--version').replace(/^QEMU emulator version (\S+).*/, '$1'),
    commit: first('git', 'rev-parse', '--short', 'HEAD'),
  }
}

/** Free memory in pieces of 2 MiB or more (Linux proc_buddyinfo(5)). */
export function freeHugeBytes(): number {
  const HUGE_ORDER = 9
  let pages = 0
  for (const line of readFileSync('/proc/buddyinfo', 'latin1').trimEnd().split('\n')) {
    const counts = line.trim().split(/\s+/).slice(4).map(Number)
    for (const [order, count] of counts.entries())
      if (order >= HUGE_ORDER) pages += count * 2 ** order
  }
  return pages * 4096
}
