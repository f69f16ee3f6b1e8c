import { spawnSync } from 'node:child_process'
import { freemem } from 'node:os'

const CHUNK = 512 * 1024 * 1024

/**
 * Touches and frees memory in huge pages, in a process of its own. Memory that was free for a while goes back to a hypervisor, and fetching it again would be counted as the
 * time of whoever runs first.
 */
export function prepareHostMemory(bytes: number): void {
  const most = Math.min(bytes, freemem() - CHUNK)
  spawnSync(process.execPath, [import.meta.filename, String(most)], { stdio: 'inherit' })
}

if (process.argv[1] === import.meta.filename) {
  const { allocateAligned } = await import('../../src/io/memory/aligned-memory.ts')
  const held: Uint8Array[] = []
  for (let left = Number(process.argv[2]); left >= CHUNK; left -= CHUNK)
    held.push(allocateAligned(CHUNK).fill(1))
}
