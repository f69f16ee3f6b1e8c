import { writeSync } from 'node:fs'
import { createMemoryFile } from '../system-calls.ts'

/** A file in memory with this content, for another process to inherit. The caller closes it. @throws SystemCallError */
export function memoryFileWith(name: string, content: Uint8Array): number {
  const fd = createMemoryFile(name)
  for (let at = 0; at < content.length;) at += writeSync(fd, content, at, content.length - at, at)
  return fd
}
