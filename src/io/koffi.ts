import { createRequire } from 'node:module'
import type * as Koffi from 'koffi'
import { atFirstUse } from './at-first-use.ts'

/** A function of a native library, as koffi gives it. */
export type NativeFunction = ReturnType<Koffi.LibraryHandle['func']>

/**
 * The package koffi, which calls native libraries. It is loaded at the first call: that takes as long as a whole short command
 * does otherwise (notes/node/start-up.md).
 */
export const koffi: () => typeof Koffi = atFirstUse(
  () => createRequire(import.meta.url)('koffi') as typeof Koffi,
)

const libc = atFirstUse(() => koffi().load('libc.so.6'))

/**
 * Calls functions of the C library by the names under which `prototypes` has them, in C as the manual pages write them. Each is
 * bound when it is first called.
 */
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
