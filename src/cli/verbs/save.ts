import { Option } from 'commander'
import { type SaveOptions, saveDomain } from '../../domain/save.ts'
import { TARGET_FORMATS } from '../../transfer/save-target-table.ts'
import { compressionLevel, integerBetween } from '../option-values.ts'
import { ProgressDisplay } from '../progress-display.ts'
import { saveReport } from '../save-report.ts'
import type { Verb } from '../verb.ts'
import { readXmlFile } from '../xml-file.ts'

interface Flags {
  readonly parallel?: boolean
  readonly parallelConnections?: number
  readonly parallelCompression?: SaveOptions['compression']
  readonly compressionLevel?: SaveOptions['compressionLevel']
  readonly format?: SaveOptions['format']
  /** The names that virsh has for them. */
  readonly imageFormat?: SaveOptions['format']
  readonly parallelChannels?: number
  readonly bypassCache?: boolean
  readonly xml?: string
  readonly running?: boolean
  readonly paused?: boolean
  readonly verbose?: boolean
}

/** `save DOMAIN FILE` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .argument(
        '<file>',
        'where the image shall be; an image that stands there is replaced at the end',
      )
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
          TARGET_FORMATS,
        ),
      )
      .addOption(new Option('--image-format <format>').choices(TARGET_FORMATS).hideHelp())
      .addOption(new Option('--parallel-channels <n>').argParser(integerBetween(1, 64)).hideHelp())
      .option('--bypass-cache', 'write past the page cache (the default for stasis)')
      .option('--no-bypass-cache', 'write through the page cache')
      .option(
        '--xml <file>',
        'domain XML to store in place of the running one; the guest must not see a difference',
      )
      .addOption(
        new Option('--running', 'let the guest run when it is restored').conflicts('paused'),
      )
      .addOption(
        new Option('--paused', 'leave the guest paused when it is restored').conflicts('running'),
      )
      .option('--verbose', 'say how long each part took'),
  example: 'stasis save web /backup/web.save --parallel-connections 4 --parallel-compression zstd',
  run: async ([domain = '', file = ''], flags, invocation) => {
    const { directories, signal } = invocation
    const xml = await readXmlFile(flags.xml)
    using display = new ProgressDisplay(invocation)
    const result = await saveDomain(domain, file, {
      ...directories,
      signal,
      format: flags.format ?? flags.imageFormat,
      parallel: flags.parallel,
      channels: flags.parallelConnections ?? flags.parallelChannels,
      compression: flags.parallelCompression,
      compressionLevel: flags.compressionLevel,
      bypassCache: flags.bypassCache,
      xml,
      resumeAs: flags.running === true ? 'running' : flags.paused === true ? 'paused' : undefined,
      onProgress: display.show,
    })
    return saveReport(result, { verbose: flags.verbose === true })
  },
}
