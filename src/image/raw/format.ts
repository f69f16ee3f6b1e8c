import type { ImageFormat } from '../image-format.ts'

/** Libvirt's `raw`: QEMU's migration stream, unchanged. */
export const rawFormat: ImageFormat = {
  name: 'raw',
  number: 0,
  traits: {
    transport: 'stream',
    compression: { by: 'none' },
    bypassesCache: { save: false, restore: false },
    checksummedPages: false,
    checksums: 'none',
    files: (path) => [path],
  },
}
