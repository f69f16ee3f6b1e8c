import { ImageError } from '../../errors.ts'
import type { RamBlock } from '../../image/saved-machine.ts'

/**
 * The position of the RAM block that belongs to a memory backend.
 * @throws ImageError IMAGE_INCOMPATIBLE when there is none with that name and size
 */
export function blockOfBackend(
  path: string,
  blocks: readonly RamBlock[],
  backend: { readonly id: string; readonly length: number },
): number {
  const block = blocks.findIndex(({ name }) => name === backend.id)
  const length = blocks[block]?.length
  if (length === undefined) {
    const names = blocks.map(({ name }) => name).join(', ')
    throw new ImageError(
      'IMAGE_INCOMPATIBLE',
      `${path} has no RAM block ${backend.id}; it has ${names}`,
      { path, hint: 'Restore it with the domain XML with which it was saved' },
    )
  }
  if (length !== backend.length) {
    throw new ImageError(
      'IMAGE_INCOMPATIBLE',
      `${path} has ${length} bytes of ${backend.id}, but the domain XML asks for ${backend.length}`,
      { path, hint: 'Restore it with the memory size with which it was saved' },
    )
  }
  return block
}
