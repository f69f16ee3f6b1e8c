import type { WriterOptions } from '../../transfer/convert/writer-options.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { resolveSaveOptions } from '../save/save-options.ts'
import type { CheckpointTree } from '../store/checkpoints/checkpoint-tree.ts'
import { chooseBase } from './memory/choose-base.ts'
import { type RunningOptions, isLive } from './running-options.ts'

/** Whether the digests of the pages are kept with the memory of a checkpoint, and which image has pages that need not be stored. */
export async function choosePageDigests(
  { directories, name, record }: HeldDomain,
  tree: CheckpointTree,
  options: RunningOptions,
): Promise<WriterOptions['pageDigests']> {
  const { format, codec } = resolveSaveOptions(options)
  if (format !== 'stasis' || options.memoryPath !== undefined || !isLive(options)) return undefined
  // What is not compressed is to be mapped, and only a whole image can be.
  const { incremental = codec !== 'none' } = options
  if (!incremental) return codec === 'none' ? undefined : {}
  const base = await chooseBase(directories, name, tree.current)
  const isSource = base !== undefined && record?.restoredFrom?.imageId === base.imageId
  return { base: base && { ...base, isSource } }
}
