import { inspectImage } from '../../../domain/images/image-info.ts'
import { imageReport } from '../../reports/image.ts'
import { ProgressDisplay } from '../../terminal/progress-display.ts'
import type { Verb } from '../../verb.ts'

/** `image-info FILE` */
export const verb: Verb<{ readonly verify?: boolean; readonly devices?: boolean }> = {
  declare: (command) =>
    command
      .argument('<file>', 'a save image')
      .option('--verify', 'read the whole image and check every checksum')
      .option('--devices', 'also list the devices in it'),
  looks: true,
  example: 'stasis image-info /backup/web.save --verify',
  run: async ([file = ''], { verify, devices }, invocation) => {
    using display = new ProgressDisplay(invocation)
    const { signal } = invocation
    const info = await inspectImage(file, { verify, signal, onProgress: display.show })
    return imageReport(info, { devices })
  },
}
