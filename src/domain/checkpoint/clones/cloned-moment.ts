import { readDescription } from '../../../image/open-image.ts'
import { saveLive } from '../../live/live-save.ts'
import { openDirectories } from '../../store/directories.ts'
import type { DomainOptions, WarningOptions } from '../../store/domain-options.ts'
import type { OnProgress, SaveProgress } from '../../progress/progress.ts'
import { forgetPlace, imageId } from '../../store/saves/image-history.ts'
import { createTemporary } from '../create-checkpoint.ts'
import type { CloneFacts } from './clone-facts.ts'

/** The options of a clone that concern the moment. */
interface MomentOptions extends DomainOptions, WarningOptions {
  readonly onProgress?: OnProgress<SaveProgress> | undefined
}

/** The memory of one moment, in an image in memory. */
export interface ClonedMoment {
  readonly image: string
  /** The checkpoint that keeps the disks of the same moment, if there are disks. */
  readonly checkpoint: string | undefined
  readonly pauseMs: number
  readonly way: string | undefined
  readonly bytes: number
}

/** Takes memory and disks of one moment. */
export async function takeMoment(
  { name, hasDisks }: CloneFacts,
  image: string,
  options: MomentOptions,
): Promise<ClonedMoment> {
  const how = { format: 'stasis', compression: 'none', bypassCache: false } as const
  const shared = { ...options, ...how }
  if (!hasDisks) {
    const saved = await saveLive(name, image, shared)
    for (const text of saved.warnings) options.onWarning?.(text)
    const { pauseMs, way } = saved.live
    return { image, checkpoint: undefined, pauseMs, way, bytes: saved.image.allocatedBytes }
  }
  const checkpoint = `clone-${Date.now()}`
  const description = 'for clones; it is deleted when they run'
  const made = await createTemporary(name, checkpoint, {
    ...shared,
    description,
    memoryPath: image,
  })
  const { pauseMs, way, memory } = made
  return { image, checkpoint, pauseMs, way, bytes: memory?.bytes ?? 0 }
}

/** Nobody can restore the image any more, so no list has it. */
export async function forgetMoment(image: string, options: DomainOptions): Promise<void> {
  const id = imageId(await readDescription(image))
  await forgetPlace(await openDirectories(options), id, image)
}
