import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { freemem } from 'node:os'

const CHUNK = 512 * 1024 * 1024
const HUGE_PAGE = 2 * 1024 * 1024

/**
 * Touches and frees memory in huge pages, in a process of its own. Memory that was free for a while goes back to a hypervisor, and fetching it again would be counted as the
 * time of whoever runs first.
 */
export function prepareHostMemory(bytes: number): void {
  const most = Math.min(bytes, freemem() - CHUNK)
  spawnSync(process.execPath, [import.meta.filename, String(most)], { stdio: 'inherit' })
  prepareHugePages()
}

/** The same for free huge pages that the host has set aside: the kernel clears the pages of a file in them. The mount ends with the command. */
function prepareHugePages(): void {
  const facts = readFileSync('/proc/meminfo', 'latin1')
  const bytes = Number(/^HugePages_Free: +(\d+)$/m.exec(facts)?.[1] ?? 0) * HUGE_PAGE
  if (bytes === 0) return
  const fill = 'mount -t hugetlbfs none /mnt && fallocate --length "$1" /mnt/file'
  spawnSync('unshare', ['--mount', 'sh', '-c', fill, 'sh', String(bytes)], { stdio: 'inherit' })
}

if (process.argv[1] === import.meta.filename) {
  const { allocateAligned } = await import('../../src/io/memory/aligned-memory.ts')
  const held: Uint8Array[] = []
  for (let left = Number(process.argv[2]); left >= CHUNK; left -= CHUNK)
    held.push(allocateAligned(CHUNK).fill(1))
}
