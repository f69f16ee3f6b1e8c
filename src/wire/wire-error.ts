import { printable } from '../errors.ts'

/** The fault of a stream: it ends early; it contradicts QEMU's format; or it is of an unsupported kind, such as a newer version of the format. */
export type WireErrorKind = 'truncated' | 'corrupt' | 'unsupported'

/** A stream that does not follow QEMU's format. `offset` counts from the start of the bytes given. */
export class WireError extends Error {
  readonly kind: WireErrorKind
  readonly offset: number

  constructor(kind: WireErrorKind, message: string, offset: number) {
    // Names of blocks and devices come from the stream.
    super(printable(message))
    this.name = 'WireError'
    this.kind = kind
    this.offset = offset
  }
}
