/** The numbers of the header's `format` word (docs/format/libvirt-header.md). */
const FORMAT_NUMBERS = {
  raw: 0,
  gzip: 1,
  bzip2: 2,
  xz: 3,
  lzop: 4,
  zstd: 5,
  sparse: 6,
  channels: 0x5343,
  stasis: 0x5354,
} as const

/** The format of the body of a save image. */
export type SaveFormat = keyof typeof FORMAT_NUMBERS

/** All formats, libvirt's own first. */
export const SAVE_FORMATS: readonly SaveFormat[] = Object.keys(FORMAT_NUMBERS) as SaveFormat[]

/** The number of a format in the header. */
export function numberOfFormat(format: SaveFormat): number {
  return FORMAT_NUMBERS[format]
}

/** The format that a number in the header means, if any. */
export function formatOfNumber(number: number): SaveFormat | undefined {
  return SAVE_FORMATS.find((format) => FORMAT_NUMBERS[format] === number)
}
