import { Option } from 'commander'
import { type ConvertOptions, convertImage } from '../../../domain/images/convert-image.ts'
import { SAVE_FORMATS } from '../../../image/format-table.ts'
import { FRAME_CODECS } from '../../../image/stasis/frame-codec.ts'
import { type ChannelFlags, channelsOf, declareChannels } from '../../options/channels.ts'
import { imageFile } from '../../options/image-file.ts'
import { compressionLevel } from '../../options/option-values.ts'
import { ProgressDisplay } from '../../terminal/progress-display.ts'
import { formatBytes, formatDuration } from '../../terminal/quantity.ts'
import { configure } from '../../options/configured.ts'
import type { Verb } from '../../verb.ts'

interface Flags extends ChannelFlags {
  readonly format?: ConvertOptions['format']
  readonly compression?: ConvertOptions['compression']
  readonly compressionLevel?: ConvertOptions['compressionLevel']
  readonly bypassCache?: boolean
  readonly digest?: boolean
}

/** `image-convert IN OUT` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareChannels(command, 'number of files in the format channels, 1 to 64 (default: 2)')
      .argument('<in>', 'a save image')
      .argument(
        '<out>',
        'the new image; an existing file is replaced only at the end. A pipe, a block device or - as for save',
      )
      .addOption(
        new Option('--format <format>', 'format of the new image (default: stasis)').choices(
          SAVE_FORMATS,
        ),
      )
      .addOption(
        new Option(
          '--compression <method>',
          'compression of memory in the format stasis (default: zstd)',
        ).choices(FRAME_CODECS),
      )
      .option(
        '--compression-level <level>',
        'a number, or adaptive: use only the processor time that the disk leaves idle (the default)',
        compressionLevel,
      )
      .option('--bypass-cache', 'write past the page cache (the default)')
      .option('--no-bypass-cache', 'write through the page cache')
      .option('--digest', "write OUT.digest, checksums for an image of one of libvirt's formats"),
  configure: (command) => configure('image-convert', command),
  example: 'stasis image-convert /backup/web.save /backup/web.sparse --format sparse',
  run: async ([input = '', given = ''], flags, invocation) => {
    const { directories, signal } = invocation
    const output = imageFile(given, invocation.output)
    using display = new ProgressDisplay(invocation)
    const result = await convertImage(input, output, {
      ...directories,
      signal,
      format: flags.format,
      compression: flags.compression,
      compressionLevel: flags.compressionLevel,
      channels: channelsOf(flags),
      bypassCache: flags.bypassCache,
      digest: flags.digest,
      onProgress: display.show,
    })
    const { to, totalMs, warnings } = result
    for (const warning of warnings) invocation.output.warn(warning)
    const text = `Converted to ${to.path} (${to.format}, ${formatBytes(to.fileBytes)}) in ${formatDuration(totalMs)}, ${formatBytes((to.fileBytes / totalMs) * 1000)}/s`
    return { text, json: { type: 'result', ...result } }
  },
}
