import { type MappedFile, type Mapping, mappingsOf } from '../../io/memory/mappings.ts'
import type { AddressRange } from '../../io/memory/foreign-memory.ts'

/** A block of guest memory and its place in the address space of QEMU. */
export interface PlacedMemory {
  readonly name: string
  readonly length: number
  readonly address: number
}

/** What the pages of a piece contain that QEMU has not written to: a file, or zeros. `shared`: other processes may see QEMU's writes, so it does not tell. */
export type Untouched =
  | { readonly kind: 'zero' }
  | { readonly kind: 'file'; readonly file: MappedFile }
  | { readonly kind: 'shared' }

/** A piece of one block that one mapping contains. */
export interface MemoryPiece extends AddressRange {
  /** Position of the block. */
  readonly block: number
  /** The offset of the piece in its block. */
  readonly offset: number
  readonly untouched: Untouched
}

/** Finds the pieces of all blocks, by block and offset. `undefined` when a part of a block is not mapped. Throws Node's error. */
export function memoryPieces(
  pid: number,
  blocks: readonly PlacedMemory[],
): readonly MemoryPiece[] | undefined {
  const mappings = mappingsOf(pid)
  const pieces = blocks.flatMap(({ address, length }, block) =>
    mappings.flatMap((mapping): MemoryPiece[] => {
      const from = Math.max(address, mapping.address)
      const to = Math.min(address + length, mapping.address + mapping.length)
      if (from >= to) return []
      const place = { block, offset: from - address, address: from, length: to - from }
      return [{ ...place, untouched: untouchedOf(mapping, from - mapping.address) }]
    }),
  )
  const found = pieces.reduce((sum, { length }) => sum + length, 0)
  return found === blocks.reduce((sum, { length }) => sum + length, 0) ? pieces : undefined
}

function untouchedOf({ isPrivate, file }: Mapping, skipped: number): Untouched {
  if (!isPrivate) return { kind: 'shared' }
  if (file === undefined) return { kind: 'zero' }
  return { kind: 'file', file: { ...file, offset: file.offset + skipped } }
}
