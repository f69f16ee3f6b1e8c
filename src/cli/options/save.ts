import { type Command, Option } from 'commander'
import type { SaveOptions } from '../../domain/save/save.ts'
import { RECEIVED_FORMATS } from '../../transfer/image-receivers/receiver-table.ts'
import { byteRate, compressionLevel, integerBetween } from './option-values.ts'
import { type ResumeFlags, declareResumeAs, resumeAs } from './resume-as.ts'
import { readXmlFile } from './xml-file.ts'

/** How an image is written, as commander names the options. */
export interface FormatFlags {
  readonly parallel?: boolean
  readonly parallelConnections?: number
  readonly parallelCompression?: SaveOptions['compression']
  readonly compressionLevel?: SaveOptions['compressionLevel']
  readonly format?: SaveOptions['format']
  /** The names that virsh has for them. */
  readonly imageFormat?: SaveOptions['format']
  readonly parallelChannels?: number
  readonly bypassCache?: boolean
}

/** All that `save` and `managedsave` have in common. */
export interface SaveFlags extends FormatFlags, ResumeFlags {
  readonly maxBandwidth?: number
  readonly xml?: string
  readonly check?: boolean
  readonly verbose?: boolean
}

/** Adds the options of how an image is written. */
export function declareFormat(command: Command): Command {
  return command
    .option('--parallel', 'over several channels (the default for stasis, channels and sparse)')
    .option(
      '--parallel-connections <n>',
      'how many channels, 1 to 64 (default: 2)',
      integerBetween(1, 64),
    )
    .addOption(
      new Option(
        '--parallel-compression <method>',
        'how memory is compressed (default: zstd for stasis, else none)',
      ).choices(['none', 'zlib', 'zstd']),
    )
    .option(
      '--compression-level <level>',
      'a number, or adaptive: what the disk leaves idle (the default)',
      compressionLevel,
    )
    .addOption(
      new Option('--format <format>', 'how the image is written (default: stasis)').choices(
        RECEIVED_FORMATS,
      ),
    )
    .addOption(new Option('--image-format <format>').choices(RECEIVED_FORMATS).hideHelp())
    .addOption(new Option('--parallel-channels <n>').argParser(integerBetween(1, 64)).hideHelp())
    .option('--bypass-cache', 'write past the page cache (the default for stasis)')
    .option('--no-bypass-cache', 'write through the page cache')
}

/** Adds every option of a save. */
export function declareSave(command: Command): Command {
  const withXml = declareFormat(command)
    .option(
      '--max-bandwidth <rate>',
      'bytes of guest memory per second that are sent at most, such as 500M',
      byteRate,
    )
    .option(
      '--xml <file>',
      'domain XML to store in place of the running one; the guest must not see a difference',
    )
  return declareResumeAs(withXml, 'when it is restored')
    .option('--check', 'only look whether it could be saved so; the guest runs on')
    .option('--verbose', 'say how long each part took')
}

/** What the flags ask of the image. */
export function formatOptions(flags: FormatFlags): SaveOptions {
  return {
    format: flags.format ?? flags.imageFormat,
    parallel: flags.parallel,
    channels: flags.parallelConnections ?? flags.parallelChannels,
    compression: flags.parallelCompression,
    compressionLevel: flags.compressionLevel,
    bypassCache: flags.bypassCache,
  }
}

/** What the flags ask of a save. @throws StorageError when the XML file cannot be read */
export async function saveOptions(flags: SaveFlags): Promise<SaveOptions> {
  return {
    ...formatOptions(flags),
    maxBandwidth: flags.maxBandwidth,
    xml: await readXmlFile(flags.xml),
    resumeAs: resumeAs(flags),
  }
}
