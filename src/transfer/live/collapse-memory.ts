import { setImmediate as nextTurn } from 'node:timers/promises'
import { collapse, hugePagesIn } from '../../io/memory/collapse.ts'
import { readForeignMemory } from '../../io/memory/foreign-memory.ts'
import { PrivatePages } from '../../io/memory/private-pages.ts'
import {
  type MemoryPiece,
  type PlacedMemory,
  type Untouched,
  memoryPieces,
} from './memory-layout.ts'

/** Huge pages between two turns of the event loop. */
const AT_ONCE = 16

/**
 * Makes huge pages of the memory of a QEMU, whose guest may run: QEMU protects a huge page as fast as a small one, and a load into small pages, a background
 * snapshot, or a lazy restore, leaves small ones. Of anonymous memory only pieces without holes and without zero pages are taken, so it takes no memory. Of
 * shared memory everything is taken, because QEMU allocates all of it before a background snapshot in any case (notes/linux/huge-memory-files.md). Does what the
 * host permits; throws nothing.
 */
export async function collapseMemory(
  pid: number,
  blocks: readonly PlacedMemory[],
  signal: AbortSignal,
): Promise<void> {
  const { anonymous, shared } = hugePagesOf(pid, blocks)
  await collapseAll(pid, anonymous, signal)
  await collapseAll(pid, shared, signal, touch)
}

async function collapseAll(
  pid: number,
  starts: readonly number[],
  signal: AbortSignal,
  prepare?: (pid: number, starts: readonly number[]) => void,
): Promise<void> {
  for (let at = 0; at < starts.length && !signal.aborted; at += AT_ONCE) {
    const some = starts.slice(at, at + AT_ONCE)
    prepare?.(pid, some)
    // What fails for all of the first ones fails for the others.
    if (collapse(pid, some) === 0 && at === 0) return
    await nextTurn()
  }
}

/** Reads a byte of each, so that none is a hole as a whole: the kernel refuses those. */
function touch(pid: number, starts: readonly number[]): void {
  try {
    const bytes = starts.map((address) => ({ address, length: 1 }))
    readForeignMemory(pid, bytes, Buffer.allocUnsafeSlow(starts.length))
  } catch {
    // They stay as they are.
  }
}

interface HugePages {
  readonly anonymous: readonly number[]
  readonly shared: readonly number[]
}

function hugePagesOf(pid: number, blocks: readonly PlacedMemory[]): HugePages {
  try {
    using pages = new PrivatePages(pid)
    const pieces = memoryPieces(pid, blocks) ?? []
    const of = (kind: Untouched['kind']): readonly MemoryPiece[] =>
      pieces.filter(({ untouched }) => untouched.kind === kind)
    return {
      anonymous: of('zero').flatMap((piece) => pages.find(piece).flatMap(hugePagesIn)),
      shared: of('shared').flatMap(hugePagesIn),
    }
  } catch {
    return { anonymous: [], shared: [] }
  }
}
