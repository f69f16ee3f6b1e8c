import type { CommandLineOptions, MemoryFile } from '../../../qemu/command-line/options.ts'

/** The launch settings of a QEMU that waits for a saved machine, so that the machine can reach it. */
export interface LaunchNeeds {
  /** The first descriptors that it inherits: as 3, 4 and so on. */
  readonly inherited: readonly number[]
  /** Monitors in addition to those of every domain. */
  readonly monitors: CommandLineOptions['monitors']
  /** Files that become guest RAM, by the id of the memory backend. QEMU inherits them after `inherited`. */
  readonly memory: ReadonlyMap<string, InheritedMemory>
}

/** An open file that becomes guest RAM. */
export interface InheritedMemory extends Omit<MemoryFile, 'path'> {
  readonly fd: number
}

/** The needs of a machine that arrives through the migration socket alone. */
export const NEEDS_NOTHING: LaunchNeeds = { inherited: [], monitors: [], memory: new Map() }
