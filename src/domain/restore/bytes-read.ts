import { readFileSync } from 'node:fs'

/** Bytes that a process has read so far, by whatever calls (`rchar` of proc_pid_io(5)); 0 when that cannot be known. */
export function bytesReadBy(pid: number | undefined): number {
  if (pid === undefined) return 0
  try {
    return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
