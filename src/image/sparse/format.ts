import type { ImageFormat } from '../image-format.ts'

/** Libvirt's `sparse`: QEMU's mapped-ram stream (docs/format/sparse.md). */
export const sparseFormat: ImageFormat = {
  name: 'sparse',
  number: 6,
  traits: {
    transport: 'mapped-ram',
    compression: { by: 'none' },
    bypassesCache: { save: true, restore: false },
    checksummedPages: false,
    checksums: 'none',
    files: (path) => [path],
  },
}
