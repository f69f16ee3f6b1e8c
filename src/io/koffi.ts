import { createRequire } from 'node:module'
import type * as Koffi from 'koffi'
import { atFirstUse } from './at-first-use.ts'

/** A function of a native library, as koffi returns it. */
export type NativeFunction = ReturnType<Koffi.LibraryHandle['func']>

/**
 * The package koffi, which calls native libraries. It is loaded at the first call, because loading takes as long as a whole short command
 * (notes/node/start-up.md).
 */
export const koffi: () => typeof Koffi = atFirstUse(() => {
  isLoaded = true
  return createRequire(import.meta.url)('koffi') as typeof Koffi
})

let isLoaded = false

/** Whether something has called a native library, so that another call costs little. */
export function isKoffiLoaded(): boolean {
  return isLoaded
}

const libc = atFirstUse(() => koffi().load('libc.so.6'))

/** Functions of the C library, by their names in `prototypes`, which are in C as in the manual pages. Each is bound at its first call. */
export function libraryCalls<Name extends string>(
  prototypes: Readonly<Record<Name, string>>,
): (name: Name, ...args: readonly unknown[]) => unknown {
  const bound = new Map<Name, NativeFunction>()
  return (name, ...args) => {
    let native = bound.get(name)
    if (native === undefined) bound.set(name, (native = libc().func(prototypes[name])))
    return native(...args) as unknown
  }
}

/** A function of the C library that runs on a thread of libuv's pool, so several run at once. What its arguments point to must stay until it has returned. */
export function backgroundCall(
  prototype: string,
): (...args: readonly unknown[]) => Promise<unknown> {
  const native = atFirstUse(() => libc().func(prototype))
  return (...args) => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    native().async(...args, (error: Error | null, result: unknown) =>
      error === null ? resolve(result) : reject(error),
    )
    return promise
  }
}
