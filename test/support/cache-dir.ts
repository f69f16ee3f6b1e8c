import { resolve } from 'node:path'

/** The folder into which `scripts/guests`, `scripts/qemu-10` and `scripts/qemu-11` write. */
export const cacheDir: string = resolve(
  process.env['STASIS_CACHE'] ?? resolve(import.meta.dirname, '../../.cache'),
)
