import { saveLive } from '../../../domain/live/live-save.ts'
import { saveDomain } from '../../../domain/save/save.ts'
import { imageFile } from '../../options/image-file.ts'
import { type SaveFlags, configureSave, declareSave } from '../../options/save.ts'
import type { Verb } from '../../verb.ts'
import { type SaveAct, takeSave } from '../../reports/take-save.ts'

/** `save DOMAIN FILE` */
export const verb: Verb<SaveFlags> = {
  declare: (command) =>
    declareSave(
      command
        .argument('<domain>', 'name, UUID or id')
        .argument(
          '<file>',
          'the new image; an existing file is replaced only at the end. A pipe, a block device or - (standard output) with a format other than stasis, channels and sparse',
        ),
    ),
  looks: (_args, { check }) => check === true,
  configure: (command) => configureSave('save', command),
  example: 'stasis save web /backup/web.save --parallel-connections 4 --parallel-compression zstd',
  run: async ([domain = '', given = ''], flags, invocation) => {
    const file = imageFile(given, invocation.output)
    const act: SaveAct = {
      file,
      save: (options) => saveDomain(domain, file, options),
      saveLive: (options) => saveLive(domain, file, options),
      text: (name) => `Domain '${name}' saved to ${file}`,
      liveText: (name) => `State of domain '${name}' saved to ${file}; it continues`,
    }
    return takeSave(domain, act, flags, invocation)
  },
}
