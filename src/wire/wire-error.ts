/** A stream that does not follow QEMU's format; `offset` counts from the start of the bytes given. */
export class WireError extends Error {
  readonly offset: number
  constructor(message: string, offset: number) {
    super(message)
    this.name = 'WireError'
    this.offset = offset
  }
}
