import type { AddressRange } from '../../io/memory/foreign-memory.ts'
import type { PageRange } from '../../image/saved-machine.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import type { MemoryPiece } from './memory-layout.ts'

/** Pages that were copied. */
export interface CopiedPages extends PageRange {
  readonly bytes: Uint8Array
}

/** A copy of memory: the content of all ranges, in their order. */
export interface MemoryCopy {
  /** By piece. */
  readonly ranges: readonly (readonly AddressRange[])[]
  readonly memory: Uint8Array
}

/** The pages of several copies, none of which has a page of another, in the order of the pieces. */
export function copiedPages(
  pieces: readonly MemoryPiece[],
  copies: readonly MemoryCopy[],
): readonly CopiedPages[] {
  const contents = copies.map(contentsOf)
  return pieces.flatMap(({ block, offset, address: start }, at) =>
    contents
      .flatMap((content) => content[at] ?? [])
      .toSorted((one, other) => one.address - other.address)
      .map(({ address, bytes }) => ({
        block,
        firstPage: (offset + address - start) / PAGE_SIZE,
        pageCount: bytes.length / PAGE_SIZE,
        bytes,
      })),
  )
}

function contentsOf({
  ranges,
  memory,
}: MemoryCopy): readonly (readonly { readonly address: number; readonly bytes: Uint8Array }[])[] {
  let end = 0
  return ranges.map((runs) =>
    runs.map(({ address, length }) => {
      end += length
      return { address, bytes: memory.subarray(end - length, end) }
    }),
  )
}
