import { resolve } from 'node:path'

/**
 * The kinds of things of the host that a machine can use. `emulator` and `script` are programs that run. `path` is a file, a socket or a device. `listen` and `connect`
 * are network addresses. `network` is a bridge, a switch, a tap device, or the device of a macvtap. `secret` is the UUID of a secret of this host, or `TYPE/USAGE`. `arguments` are arguments for QEMU, separated by spaces. `command` is a whole recorded command line.
 */
export type ReachKind =
  | 'emulator'
  | 'path'
  | 'script'
  | 'listen'
  | 'connect'
  | 'network'
  | 'secret'
  | 'arguments'
  | 'command'

/** One thing of the host that a machine uses. */
export interface Reach {
  readonly kind: ReachKind
  /** Its purpose: `disk`, `serial log`. The same file for another purpose is another reach. */
  readonly use: string
  /** An absolute path, `ADDRESS:PORT`, or the name of a device. */
  readonly value: string
  /** Whether it is written, created, truncated or executed, and not only read. */
  readonly write: boolean
  /** Its place in the XML. */
  readonly place: string
  /** A qcow2 image has a header that may name more files; `without-backing`: the XML says which backing file it has. */
  readonly header?: 'with-backing' | 'without-backing' | undefined
}

/** The reach of a file, only read unless `write`. */
export function path(
  use: string,
  file: string,
  { write = false, place }: { readonly write?: boolean; readonly place: string },
): Reach {
  // QEMU runs in `/`.
  return { kind: 'path', use, value: resolve('/', file), write, place }
}

/** The reach of a value that the XML may leave out. */
export function given<Value>(
  value: Value | undefined,
  make: (value: Value) => Reach,
): readonly Reach[] {
  return value === undefined || value === '' ? [] : [make(value)]
}
