import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The QEMUs that tests run on: the distribution's and, when it was set up, QEMU 10. */
export const qemus: readonly { readonly name: string; readonly emulator: string }[] = [
  { name: 'distribution', emulator: '/usr/bin/qemu-system-x86_64' },
  {
    name: 'qemu-10',
    emulator: join(import.meta.dirname, '../../.cache/qemu-10/qemu-system-x86_64'),
  },
].filter(({ emulator }) => existsSync(emulator))
