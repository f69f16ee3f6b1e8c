import type { FormatCompression, ImageFormat } from '../image-format.ts'
import type { Packing } from '../save-format.ts'

type PackingCompression = Extract<FormatCompression, { readonly by: 'packing' }>

/** Libvirt's compressed formats: QEMU's migration stream, packed. Their numbers are those of libvirt's header, their levels the tools' own. */
export const PACKED_FORMATS: Readonly<Record<Packing, ImageFormat>> = {
  gzip: packed('gzip', 1, [1, 9]),
  bzip2: packed('bzip2', 2, [1, 9]),
  xz: packed('xz', 3, [0, 9]),
  lzop: packed('lzop', 4, [1, 9]),
  zstd: packed('zstd', 5, [-7, 19]),
}

function packed(
  packing: Packing,
  number: number,
  levels: PackingCompression['levels'],
): ImageFormat {
  return {
    name: packing,
    number,
    traits: {
      transport: 'stream',
      compression: { by: 'packing', packing, levels },
      bypassesCache: { save: false, restore: false },
      checksummedPages: false,
      checksums: 'packing',
      files: (path) => [path],
    },
  }
}
