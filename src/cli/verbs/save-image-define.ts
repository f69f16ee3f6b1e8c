import { Option } from 'commander'
import { defineImage } from '../../domain/define-image.ts'
import type { Verb } from '../verb.ts'
import { readXmlFile } from '../xml-file.ts'

interface Flags {
  readonly running?: boolean
  readonly paused?: boolean
}

/** `save-image-define FILE XML` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<file>', 'a save image')
      .argument('<xml>', 'domain XML; the guest must not see a difference')
      .addOption(
        new Option('--running', 'let the guest run when it is restored').conflicts('paused'),
      )
      .addOption(
        new Option('--paused', 'leave the guest paused when it is restored').conflicts('running'),
      ),
  example: 'stasis save-image-define /backup/web.save web.xml --paused',
  run: async ([file = '', xml = ''], { running, paused }) => {
    const given = await readXmlFile(xml)
    const resumeAs = running === true ? 'running' : paused === true ? 'paused' : undefined
    const changed = await defineImage(file, () => Promise.resolve(given), { resumeAs })
    return { text: `${file} updated`, json: { type: 'result', path: file, changed } }
  },
}
