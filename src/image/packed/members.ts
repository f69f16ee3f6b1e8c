import { availableParallelism } from 'node:os'

/** A part of a compressed stream that can be decompressed independently. */
export type Member =
  /** All of its bytes, and the length of their decompressed content. */
  | {
      readonly kind: 'whole'
      readonly bytes: Uint8Array
      readonly length: number
      /** Called when `bytes` is no longer needed. */
      readonly release?: () => void
    }
  /** Decompressed as it arrives: too long, or of unknown length. Read it to its end before requesting the next member. */
  | { readonly kind: 'streamed'; readonly pieces: AsyncIterable<Uint8Array> }

/** Longest content of a member that is decompressed at once. */
export const MAX_WHOLE: number = 4 * 1024 * 1024

/** Decompresses a whole member on the thread pool into `target`, which has the claimed length. */
export type UnpackMember = (bytes: Uint8Array, target: Uint8Array) => Promise<void>

/**
 * The decompressed content of members in their order, some of them decompressed at the same time. A piece is valid until the next is requested.
 * @throws errors of `unpack` and `members`
 */
export async function* unpackMembers(
  members: AsyncGenerator<Member, void, undefined>,
  unpack: UnpackMember,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ahead = Math.min(8, availableParallelism()) + 1
  const targets: Uint8Array[] = []
  const queue: { readonly done: Promise<void>; readonly target: Uint8Array }[] = []
  const nextContent = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    const first = queue.shift()
    if (first === undefined) return
    await first.done
    yield first.target
    targets.push(new Uint8Array(first.target.buffer))
  }
  try {
    for await (const member of members) {
      if (member.kind === 'streamed') {
        while (queue.length > 0) yield* nextContent()
        yield* member.pieces
        continue
      }
      if (queue.length >= ahead) yield* nextContent()
      const memory = targets.pop() ?? new Uint8Array(MAX_WHOLE)
      const target = memory.subarray(0, member.length)
      const done = unpack(member.bytes, target).finally(() => member.release?.())
      // It is awaited later; without this an early failure would count as unhandled.
      done.catch(() => undefined)
      queue.push({ done, target })
    }
    while (queue.length > 0) yield* nextContent()
  } finally {
    await Promise.allSettled(queue.map(({ done }) => done))
  }
}
