import { inspectImage } from '../../domain/images/image-info.ts'
import { imageReport } from '../reports/image.ts'
import { ProgressDisplay } from '../terminal/progress-display.ts'
import type { Verb } from '../verb.ts'

/** `image-info FILE` */
export const verb: Verb<{ readonly verify?: boolean }> = {
  declare: (command) =>
    command
      .argument('<file>', 'a save image')
      .option('--verify', 'read the whole image and check every checksum'),
  looks: true,
  example: 'stasis image-info /backup/web.save --verify',
  run: async ([file = ''], { verify }, invocation) => {
    using display = new ProgressDisplay(invocation)
    const { signal } = invocation
    return imageReport(await inspectImage(file, { verify, signal, onProgress: display.show }))
  },
}
