import { Option } from 'commander'
import { type PictureFormat, screenshot } from '../../../domain/devices/screenshot.ts'
import { integerBetween } from '../../options/option-values.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly screen?: number
  readonly format?: PictureFormat
}

/** `screenshot DOMAIN [FILE]` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .argument('[file]', 'the picture; default: DOMAIN-TIME.png in this directory')
      .option('--screen <n>', 'the graphics card, from 0', integerBetween(0, 15))
      .addOption(
        new Option(
          '--format <format>',
          'default: that of the ending of the file, or png where QEMU has it (7.1)',
        ).choices(['png', 'ppm']),
      ),
  example: 'stasis screenshot web web.png',
  run: async ([domain = '', file], flags, { directories, signal }) => {
    const { screen } = flags
    const format = flags.format ?? formatOf(file)
    const time = new Date().toISOString().slice(0, 19).replace('T', '-')
    // Without a name, the format that QEMU writes decides about the ending.
    const path = file ?? `${domain}-${time}.${format ?? 'png'}`
    const options = { ...directories, signal, screen, format }
    const taken = await screenshot(domain, path, options)
    const type = taken.format === 'png' ? 'image/png' : 'image/x-portable-pixmap'
    return {
      text: `Screenshot saved to ${path}, with type of ${type}`,
      json: { type: 'result', path, format: taken.format },
    }
  },
}

function formatOf(file: string | undefined): PictureFormat | undefined {
  const ending = /\.(png|ppm)$/i.exec(file ?? '')?.[1]?.toLowerCase()
  return ending === 'png' || ending === 'ppm' ? ending : undefined
}
