import { type SalvageResult, salvageImage } from '../../../domain/images/salvage-image.ts'
import { damageLines, damagedError } from '../../reports/image-verify.ts'
import { ProgressDisplay } from '../../terminal/progress-display.ts'
import { formatBytes } from '../../terminal/quantity.ts'
import type { Answer, Verb } from '../../verb.ts'

interface Flags {
  readonly output: string
  readonly acceptDamage?: boolean
}

/** `image-salvage FILE --output NEW` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<file>', 'a damaged save image')
      .requiredOption('--output <file>', 'the new image; an existing file is replaced at the end')
      .option('--accept-damage', 'write it, with zeros for the pages that are listed as damaged'),
  example: 'stasis image-salvage /backup/web.save --output /backup/web.salvaged --accept-damage',
  run: async ([file = ''], { output, acceptDamage }, invocation) => {
    const { directories, signal, output: terminal, json } = invocation
    let result: SalvageResult
    {
      using display = new ProgressDisplay(invocation)
      result = await salvageImage(file, output, {
        ...directories,
        signal,
        acceptDamage,
        onProgress: display.show,
        onDamage({ damage, damageCount }) {
          if (json) return
          terminal.note([`${file} is damaged:`, ...damageLines(damage, damageCount)].join('\n'))
        },
      })
    }
    const answer = describe(file, result)
    if (result.from.whole || result.to !== undefined) return answer
    if (json) terminal.json(answer.json)
    throw damagedError(
      file,
      result.from.damageCount,
      'With --accept-damage, a new image is written in which the damaged pages are zero and the guest is paused',
    )
  },
}

function describe(file: string, result: SalvageResult): Answer {
  const { to, zeroedPages, suspectPages } = result
  const json = { type: 'result', ...result }
  if (to === undefined) return { text: `${file} is whole: there is nothing to salvage`, json }
  const suspect = suspectPages === 0 ? '' : `, ${suspectPages} pages may be damaged`
  const text = `Salvaged to ${to.path} (${formatBytes(to.fileBytes)}): ${zeroedPages} pages are zero${suspect}; its guest is paused`
  return { text, json }
}
