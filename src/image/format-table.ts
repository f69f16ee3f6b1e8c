import { channelsFormat } from './channels/format.ts'
import type { ImageFormat } from './image-format.ts'
import { PACKED_FORMATS } from './packed/formats.ts'
import { rawFormat } from './raw/format.ts'
import type { SaveFormat, StreamFormat } from './save-format.ts'
import { sparseFormat } from './sparse/format.ts'
import { stasisFormat } from './stasis/format.ts'

/** Every format: one line for each. */
export const FORMATS: Readonly<Record<SaveFormat, ImageFormat>> = {
  stasis: stasisFormat,
  raw: rawFormat,
  ...PACKED_FORMATS,
  sparse: sparseFormat,
  channels: channelsFormat,
}

/** The default format. */
export const DEFAULT_FORMAT: SaveFormat = 'stasis'

/** The names of all formats, the default first. */
export const SAVE_FORMATS: readonly SaveFormat[] = Object.values(FORMATS).map(({ name }) => name)

/** The format of a number in the header, if any. */
export function formatOfNumber(number: number): ImageFormat | undefined {
  return Object.values(FORMATS).find((format) => format.number === number)
}

/** Whether the body of a format is QEMU's single migration stream. */
export function isStreamFormat(format: SaveFormat): format is StreamFormat {
  return FORMATS[format].traits.transport === 'stream'
}
