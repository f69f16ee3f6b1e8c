import { availableParallelism } from 'node:os'
import { ImageError, throwIfCancelled } from '../../../errors.ts'
import { openImage } from '../../../image/open-image.ts'
import { readImageHead } from '../../../image/opened-image.ts'
import type { BaseImage } from '../../../transfer/convert/differences.ts'
import { copyMachine } from '../../../transfer/convert/source.ts'
import { StasisMachineWriter } from '../../../transfer/convert/stasis-writer.ts'
import { watchConversion } from '../../images/conversion-watcher.ts'
import { resolveSaveOptions } from '../../save/save-options.ts'

/** How the memory of a checkpoint is written anew. */
export interface RewriteOptions {
  /** The memory that has the pages which are not stored. Default: all are stored. */
  readonly base?: BaseImage | undefined
  readonly signal?: AbortSignal | undefined
  /** Lets the new image take the place of the old one, by `publish`. Default: at once. */
  readonly replace?: ((publish: () => Promise<unknown>) => Promise<void>) | undefined
}

/**
 * Writes the memory of a checkpoint anew, with the same pages and the same id. The old image stays until the new one is durable, and then it is replaced in one step.
 * Every page is compared with its checksum.
 * @throws ImageError, StorageError, CancelledError; then the old image is unchanged
 */
export async function rewriteMemory(path: string, options: RewriteOptions = {}): Promise<void> {
  const { base, signal } = options
  await using _watcher = watchConversion(path)
  const { header } = await readImageHead(path)
  await using machine = await openImage(path, { signal })
  const { id } = machine.description
  if (id === base?.imageId)
    throw new ImageError('IMAGE_UNSUPPORTED', `${path} cannot be its own base`, { path })
  const { extension } = header
  const settings = resolveSaveOptions({
    format: 'stasis',
    compression: extension?.compression,
    bypassCache: true,
  })
  await using writer = await StasisMachineWriter.create(path, {
    ...settings,
    description: machine.description,
    uuid: '',
    pageDigests: { base },
  })
  const workers = Math.min(8, availableParallelism())
  const state = await copyMachine(machine, writer, { workers, signal, onRead: () => undefined })
  throwIfCancelled(`write ${path} anew`, signal)
  const { replace = async (publish) => void (await publish()) } = options
  await replace(() => writer.publish(state))
}
