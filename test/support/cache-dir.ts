import { resolve } from 'node:path'

/** Where `scripts/guests` and `scripts/qemu-10` put what they make. */
export const cacheDir: string = resolve(
  process.env['STASIS_CACHE'] ?? resolve(import.meta.dirname, '../../.cache'),
)
