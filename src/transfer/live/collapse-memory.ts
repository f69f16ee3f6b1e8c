import { setImmediate as nextTurn } from 'node:timers/promises'
import { collapse, hugePagesIn } from '../../io/memory/collapse.ts'
import { PrivatePages } from '../../io/memory/private-pages.ts'
import { type PlacedMemory, memoryPieces } from './memory-layout.ts'

/** Huge pages between two turns of the event loop. */
const AT_ONCE = 16

/**
 * Makes huge pages of the anonymous memory of a QEMU, whose guest may run: QEMU protects a huge page as fast as a small one, and a background snapshot, or a
 * lazy restore, leaves small ones. Only pieces without holes and without zero pages are taken, so it takes no memory. Does what the host permits; throws
 * nothing. Shared memory stays as it is: there the kernel needs 20 times as long (notes/linux/huge-memory-files.md).
 */
export async function collapseMemory(
  pid: number,
  blocks: readonly PlacedMemory[],
  signal: AbortSignal,
): Promise<void> {
  const starts = hugePagesOf(pid, blocks)
  for (let at = 0; at < starts.length && !signal.aborted; at += AT_ONCE) {
    // What fails for all of the first ones fails for the others.
    if (collapse(pid, starts.slice(at, at + AT_ONCE)) === 0 && at === 0) return
    await nextTurn()
  }
}

function hugePagesOf(pid: number, blocks: readonly PlacedMemory[]): readonly number[] {
  try {
    using pages = new PrivatePages(pid)
    const pieces = memoryPieces(pid, blocks) ?? []
    return pieces
      .filter(({ untouched }) => untouched.kind === 'zero')
      .flatMap((piece) => pages.find(piece).flatMap(hugePagesIn))
  } catch {
    return []
  }
}
