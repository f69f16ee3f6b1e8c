import { availableParallelism } from 'node:os'

/**
 * Enlarges libuv's pool, before its first use. Compression and direct I/O run on it: one thread for each core, and some more that wait for the disk.
 */
export function enlargeThreadPool(): void {
  process.env['UV_THREADPOOL_SIZE'] ??= String(availableParallelism() + 6)
}
