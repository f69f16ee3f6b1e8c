import type { SaveFormat, StreamFormat } from '../../image/save-format.ts'
import { ChannelsMachineWriter } from './channels-writer.ts'
import type { MachineWriter } from './machine-writer.ts'
import { RecordWriter } from './record-writer.ts'
import type { WriterOptions } from './writer-options.ts'
import { SparseMachineWriter } from './sparse-writer.ts'
import { StasisMachineWriter } from './stasis-writer.ts'

type OpenWriter = (path: string, options: WriterOptions) => Promise<MachineWriter>

const records =
  (format: StreamFormat): OpenWriter =>
  (path, options) =>
    RecordWriter.create(path, format, options)

/** The writer of each format for a machine in a file: one line for each. */
const WRITERS: Readonly<Record<SaveFormat, OpenWriter>> = {
  stasis: (path, options) => StasisMachineWriter.create(path, options),
  channels: (path, options) => ChannelsMachineWriter.create(path, options),
  sparse: (path, options) => SparseMachineWriter.create(path, options),
  raw: records('raw'),
  gzip: records('gzip'),
  bzip2: records('bzip2'),
  xz: records('xz'),
  lzop: records('lzop'),
  zstd: records('zstd'),
}

/** Opens the writing end of a conversion. @throws StorageError, UsageError */
export function openWriter(
  format: SaveFormat,
  path: string,
  options: WriterOptions,
): Promise<MachineWriter> {
  return WRITERS[format](path, options)
}
