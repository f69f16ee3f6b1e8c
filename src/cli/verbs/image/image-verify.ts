import { type ImageVerification, verifyImage } from '../../../domain/images/verify-image.ts'
import { StasisError } from '../../../errors.ts'
import { verifyReport } from '../../reports/image-verify.ts'
import { ProgressDisplay } from '../../terminal/progress-display.ts'
import type { Invocation, Verb } from '../../verb.ts'

/** `image-verify FILE…` */
export const verb: Verb<{ readonly writeDigest?: boolean }> = {
  declare: (command) =>
    command
      .argument('<file...>', 'save images')
      .option(
        '--write-digest',
        "write FILE.digest beside images of libvirt's formats that are whole",
      ),
  looks: (_args, { writeDigest }) => writeDigest !== true,
  example: 'stasis image-verify /backup/web.save',
  run: async (files, { writeDigest }, invocation) => {
    const images: ImageVerification[] = []
    const faults: StasisError[] = []
    for (const file of files) {
      try {
        images.push(await verifyShown(file, writeDigest, invocation))
      } catch (error) {
        // The other images are verified all the same.
        if (!StasisError.is(error) || error.code === 'CANCELLED') throw error
        faults.push(error)
      }
    }
    return verifyReport(images, faults, invocation)
  },
}

async function verifyShown(
  file: string,
  writeDigest: boolean | undefined,
  invocation: Invocation,
): Promise<ImageVerification> {
  using display = new ProgressDisplay(invocation)
  const { signal } = invocation
  return await verifyImage(file, { signal, writeDigest, onProgress: display.show })
}
