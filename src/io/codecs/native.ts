import type { LibraryHandle } from 'koffi'
import { atFirstUse } from '../at-first-use.ts'
import { type NativeFunction, koffi } from '../koffi.ts'

/** Returns a function that finds C functions inside Node itself on its first call; `undefined` where they are not accessible (notes/node/zstd.md). */
export function insideNode<T>(find: (node: LibraryHandle) => T): () => T | undefined {
  return atFirstUse(() => {
    try {
      return find(koffi().load(null))
    } catch {
      // Another build of Node: the caller has an alternative.
      return undefined
    }
  })
}

/** Calls a C function on the thread pool. */
export function onPool(call: NativeFunction, ...args: readonly unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    call.async(...args, (error: Error | null, result: unknown) => {
      if (error === null) resolve(result)
      else reject(error)
    })
  })
}
