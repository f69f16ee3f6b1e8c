import type { SaveFormat } from '../../image/save-format.ts'
import { ChannelsSink } from './channels-writer.ts'
import type { MachineSink } from './machine-writer.ts'
import { RecordSink } from './record-writer.ts'
import type { SinkOptions } from './writer-options.ts'
import { SparseSink } from './sparse-writer.ts'
import { StasisSink } from './stasis-writer.ts'

type OpenSink = (path: string, options: SinkOptions) => Promise<MachineSink>

const records =
  (format: Parameters<typeof RecordSink.create>[1]): OpenSink =>
  (path, options) =>
    RecordSink.create(path, format, options)

/** Who writes which format from a machine in a file: one line for each. */
const SINKS: Readonly<Record<SaveFormat, OpenSink>> = {
  stasis: (path, options) => StasisSink.create(path, options),
  channels: (path, options) => ChannelsSink.create(path, options),
  sparse: (path, options) => SparseSink.create(path, options),
  raw: records('raw'),
  gzip: records('gzip'),
  bzip2: records('bzip2'),
  xz: records('xz'),
  lzop: records('lzop'),
  zstd: records('zstd'),
}

/** Opens the writing end of a conversion. @throws StorageError, UsageError */
export function openSink(
  format: SaveFormat,
  path: string,
  options: SinkOptions,
): Promise<MachineSink> {
  return SINKS[format](path, options)
}
