import { resolve } from 'node:path'

/** Where `scripts/guests`, `scripts/qemu-10` and `scripts/qemu-11` put what they make. */
export const cacheDir: string = resolve(
  process.env['STASIS_CACHE'] ?? resolve(import.meta.dirname, '../../.cache'),
)
