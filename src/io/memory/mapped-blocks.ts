import { statSync } from 'node:fs'
import type { Mapping } from './mappings.ts'

/** The unit of `st_blocks` (Linux stat(2)). */
const BLOCK_LENGTH = 512

/**
 * Bytes that the file of a mapping occupies, of a file in memory as well; `undefined` if that cannot be seen: it needs the right to look into the process
 * (Linux proc_pid_map_files(5)).
 */
export function allocatedBytes(pid: number, { address, length }: Mapping): number | undefined {
  const range = `${address.toString(16)}-${(address + length).toString(16)}`
  try {
    return statSync(`/proc/${pid}/map_files/${range}`).blocks * BLOCK_LENGTH
  } catch {
    return undefined
  }
}
