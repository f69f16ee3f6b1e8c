import { QemuError } from '../errors.ts'

/**
 * JSON as QEMU uses it: its integers have 64 bits, a JavaScript `number` holds 53. Larger integers are converted from and to `bigint`, so that
 * nothing is rounded (`max-bandwidth` as libvirt sends it is 9223372036853727232).
 */

declare global {
  interface JSON {
    /** Text that `JSON.stringify` inserts verbatim (ES2026, in V8 since 11.4). */
    rawJSON(text: string): unknown
  }
}

/** Sixteen digits in a row: only a number this long can exceed 2^53. */
const LONG_NUMBER = /\d{16}/

/** One line of JSON without its line end; `bigint` values become plain integers. */
export function encodeMessage(message: unknown): string {
  return JSON.stringify(message, (_key, value: unknown) =>
    typeof value === 'bigint' ? JSON.rawJSON(value.toString()) : value,
  )
}

/** Parses one line from a monitor; integers beyond 2^53 become `bigint`. Throws `QEMU_STREAM`. */
export function decodeMessage(line: string, path: string): Record<string, unknown> {
  let message: unknown
  try {
    message = LONG_NUMBER.test(line) ? JSON.parse(line, keepLongIntegers) : JSON.parse(line)
  } catch (cause) {
    throw new QemuError(
      'QEMU_STREAM',
      `The monitor at ${path} sent a line that is not JSON: ${excerpt(line)}`,
      { path, cause },
    )
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    throw new QemuError(
      'QEMU_STREAM',
      `The monitor at ${path} sent JSON that is not an object: ${excerpt(line)}`,
      { path },
    )
  }
  return message as Record<string, unknown>
}

function keepLongIntegers(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = context?.source
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value
}

function excerpt(line: string): string {
  return JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}…` : line)
}
