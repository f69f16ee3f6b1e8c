import { QemuError, inOneLine } from '../errors.ts'

/** QEMU closed its monitor, which is how its death becomes visible (code `QEMU_DIED`). */
export class QmpLost extends QemuError {
  /** The last lines that QEMU wrote; empty when it wrote none or they are not available. */
  readonly lastWords: string

  constructor(
    path: string,
    lastWords: string,
    facts: { operation?: string; cause?: unknown } = {},
  ) {
    const words = lastWords === '' ? '' : `; its last output: ${inOneLine(lastWords)}`
    const during = facts.operation === undefined ? '' : ` during ${facts.operation}`
    super('QEMU_DIED', `QEMU closed its monitor${during}${words}`, { path, ...facts })
    this.lastWords = lastWords
  }
}
