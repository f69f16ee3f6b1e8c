import { allocatedBytes } from '../../../io/memory/mapped-blocks.ts'
import { type Mapping, mappingsOf } from '../../../io/memory/mappings.ts'
import { placedBlocks } from '../../../migration/ram-blocks.ts'
import type { PlacedMemory } from '../../../transfer/live/memory-layout.ts'
import type { QmpConnection } from '../../../qmp/connection.ts'

/**
 * The mappings of QEMU with the memory of its guest, by the addresses that QEMU tells. Of a QEMU that does not tell them, such as 7.2: those that are as
 * large as the memory. Empty if we may not look.
 */
export async function memoryMappings(
  control: QmpConnection,
  pid: number,
  memoryBytes: number,
): Promise<readonly Mapping[]> {
  const blocks = await placedBlocks(control)
  try {
    return mappingsOf(pid).filter(({ address, length }) =>
      blocks === undefined
        ? length === memoryBytes
        : blocks.some(
            (block) => block.address < address + length && address < block.address + block.length,
          ),
    )
  } catch {
    return []
  }
}

/** The memory of a guest and its place in QEMU; of a QEMU that does not tell, such as 7.2, only the memory that is as large as that of the domain. */
export async function placedMemory(
  control: QmpConnection,
  {
    record,
    memoryBytes,
  }: { readonly record: { readonly pid: number }; readonly memoryBytes: number },
): Promise<readonly PlacedMemory[]> {
  const blocks = await placedBlocks(control)
  if (blocks !== undefined) return blocks
  const mappings = await memoryMappings(control, record.pid, memoryBytes)
  return mappings.map(({ address, length }) => ({ name: '', address, length }))
}

/**
 * Bytes that QEMU allocates when it reads all memory of its guest: holes of shared memory, which a mere read fills. 0 for private memory, and where that
 * cannot be seen.
 */
export function sharedHoles(pid: number, mappings: readonly Mapping[]): number {
  let bytes = 0
  for (const mapping of mappings) {
    if (mapping.isPrivate) continue
    const allocated = allocatedBytes(pid, mapping)
    if (allocated !== undefined) bytes += Math.max(0, mapping.length - allocated)
  }
  return bytes
}
