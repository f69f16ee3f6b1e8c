import { type Command, Option } from 'commander'
import { UsageError } from '../../errors.ts'
import type { LiveSaveOptions } from '../../domain/live/live-options.ts'
import { LIVE_WAY_NAMES, type LiveWayName } from '../../domain/live/live-way-name.ts'
import type { SaveOptions } from '../../domain/save/save.ts'
import { COMPRESSIONS } from '../../image/compression.ts'
import { SAVE_FORMATS } from '../../image/format-table.ts'
import { type ChannelFlags, channelsOf, declareChannels } from './channels.ts'
import { byteRate, compressionLevel, integerBetween } from './option-values.ts'
import { configure } from './configured.ts'
import { type ResumeFlags, declareResumeAs, resumeAs } from './resume-as.ts'
import { readXmlOption } from './xml-file.ts'

/** The options for the format of an image, with commander's names. */
export interface FormatFlags extends ChannelFlags {
  readonly parallel?: boolean
  readonly parallelCompression?: SaveOptions['compression']
  readonly compressionLevel?: SaveOptions['compressionLevel']
  readonly format?: SaveOptions['format']
  /** virsh's name for `format`. */
  readonly imageFormat?: SaveOptions['format']
  readonly bypassCache?: boolean
  readonly digest?: boolean
}

/** All that `save` and `managedsave` have in common. */
export interface SaveFlags extends FormatFlags, ResumeFlags {
  readonly maxBandwidth?: number
  readonly xml?: string
  readonly check?: boolean
  readonly verbose?: boolean
  readonly quiesce?: boolean
  readonly live?: boolean
  /** Another name of `live`. */
  readonly keepRunning?: boolean
  readonly way?: LiveWayName
  readonly timeout?: number
}

/** Adds the options for the format of an image. */
export function declareFormat(command: Command): Command {
  const parallel = command.option(
    '--parallel',
    'use several channels (the default for stasis, channels and sparse)',
  )
  return declareChannels(parallel, 'number of channels, 1 to 64 (default: 2)')
    .addOption(
      new Option(
        '--parallel-compression <method>',
        'compression of memory (default: zstd for stasis, none for others)',
      ).choices(COMPRESSIONS),
    )
    .option(
      '--compression-level <level>',
      'a number, or adaptive: compress as much as takes little more time (the default)',
      compressionLevel,
    )
    .addOption(
      new Option('--format <format>', 'format of the image (default: stasis)').choices(
        SAVE_FORMATS,
      ),
    )
    .addOption(new Option('--image-format <format>').choices(SAVE_FORMATS).hideHelp())
    .option('--bypass-cache', 'write past the page cache (the default for stasis and sparse)')
    .option('--no-bypass-cache', 'write through the page cache')
    .option('--digest', "write FILE.digest, checksums for an image of one of libvirt's formats")
}

/** Adds every option of a save. */
export function declareSave(command: Command): Command {
  const withXml = declareFormat(command)
    .option(
      '--max-bandwidth <rate>',
      'limit in bytes of guest memory per second, such as 500M',
      byteRate,
    )
    .option(
      '--xml <file>',
      'domain XML to store instead of the running one; the guest must not see a difference',
    )
  return declareResumeAs(withXml, 'when it is restored')
    .option(
      '--quiesce',
      'freeze the file systems of the guest, through its agent, until it runs again',
    )
    .option('--live', 'let the guest continue: the image is the moment of a short stop')
    .addOption(new Option('--keep-running').hideHelp())
    .addOption(
      new Option('--way <way>', 'with --live: how memory is taken (default: the best)').choices(
        LIVE_WAY_NAMES,
      ),
    )
    .option(
      '--timeout <seconds>',
      'with --live: when precopy stops a guest that writes too fast (default: 60)',
      integerBetween(0, 86_400),
    )
    .option('--check', 'only check whether the save is possible; the guest keeps running')
    .option('--verbose', 'show how long each step took')
}

/** Whether the guest continues. */
export function isLive({ live, keepRunning }: Pick<SaveFlags, 'live' | 'keepRunning'>): boolean {
  return live === true || keepRunning === true
}

/** Fills in the options of a save from the configuration. @throws UsageError BAD_CONFIGURATION; StorageError */
export async function configureSave(verb: 'save' | 'managedsave', command: Command): Promise<void> {
  // What does not apply to a live save may be meant for the others.
  await configure(
    verb,
    command,
    isLive(command.opts()) ? ['channels', 'max-bandwidth', 'quiesce'] : [],
  )
}

/** The options of a save that the format flags set. */
export function formatOptions(flags: FormatFlags): SaveOptions {
  return {
    format: flags.format ?? flags.imageFormat,
    parallel: flags.parallel,
    channels: channelsOf(flags),
    compression: flags.parallelCompression,
    compressionLevel: flags.compressionLevel,
    bypassCache: flags.bypassCache,
    digest: flags.digest,
  }
}

/** The options of a save that the flags set. @throws StorageError if the XML file cannot be read */
export async function saveOptions(flags: SaveFlags, signal: AbortSignal): Promise<LiveSaveOptions> {
  return {
    ...liveOptions(flags),
    ...formatOptions(flags),
    maxBandwidth: flags.maxBandwidth,
    quiesce: flags.quiesce,
    xml: await readXmlOption(flags.xml, signal),
    resumeAs: resumeAs(flags),
  }
}

/** @throws UsageError BAD_COMBINATION for those without `--live` */
function liveOptions(flags: SaveFlags): Pick<LiveSaveOptions, 'way' | 'timeoutMs'> {
  const { way, timeout } = flags
  if (way === undefined && timeout === undefined) return {}
  if (!isLive(flags)) {
    const option = way === undefined ? '--timeout' : '--way'
    throw new UsageError('BAD_COMBINATION', `${option} is for saves with --live`)
  }
  return { way, timeoutMs: timeout === undefined ? undefined : timeout * 1000 }
}
