import { Buffer } from 'node:buffer'
import { PAGE_SIZE } from './page-size.ts'
import { SECTION, STREAM_MAGIC } from './stream-constants.ts'
import { WireError } from './wire-error.ts'

/**
 * Returns the head of a saved stream (magic, version, configuration section) without one capability: a destination refuses a head that names a
 * capability it has not switched on. Returns a head that does not name it unchanged. Source: `vmstate_configuration` and its subsections in QEMU's
 * migration/savevm.c, 7.2 and 10.0: machine name, then target-page-bits, capabilities and uuid, each only when needed.
 * @throws WireError when the head is truncated
 */
export function withoutCapability(head: Uint8Array, capability: string): Uint8Array {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length)
  const found = findCapabilities(bytes)
  if (found === undefined || !found.names.includes(capability)) return head
  const names = found.names.filter((name) => name !== capability)
  const kept = names.length === 0 ? Buffer.alloc(0) : capabilitiesSubsection(names)
  return Buffer.concat([bytes.subarray(0, found.start), kept, bytes.subarray(found.end)])
}

/**
 * Returns the head with one more capability among those that it names.
 * @throws WireError when the head is truncated, or has no configuration section
 */
export function withCapability(head: Uint8Array, capability: string): Uint8Array {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length)
  if (bytes[STREAM_MAGIC.length] !== SECTION.CONFIGURATION)
    throw new WireError(
      'unsupported',
      'the stream has no configuration section',
      STREAM_MAGIC.length,
    )
  const found = findCapabilities(bytes)
  const { start, end, names } = found ?? { start: bytes.length, end: bytes.length, names: [] }
  if (names.includes(capability)) return head
  const section = capabilitiesSubsection([...names, capability])
  return Buffer.concat([bytes.subarray(0, start), section, bytes.subarray(end)])
}

/**
 * The head that a QEMU of this machine type sends when no capability has to be named. `pageBits` is for targets whose pages vary in size, such as
 * ARM (migration/savevm.c `vmstate_configuration`, 7.2 to 11).
 */
export function newHead(machine: string, pageBits?: number): Uint8Array {
  const name = Buffer.from(machine)
  const start = Buffer.alloc(5)
  start.writeUInt8(SECTION.CONFIGURATION, 0)
  start.writeUInt32BE(name.length, 1)
  if (pageBits === undefined) return Buffer.concat([STREAM_MAGIC, start, name])
  const words = Buffer.alloc(8)
  words.writeUInt32BE(1, 0)
  words.writeUInt32BE(pageBits, 4)
  const subsection = [Buffer.of(SECTION.SUBSECTION), string(PAGE_BITS), words]
  return Buffer.concat([STREAM_MAGIC, start, name, ...subsection])
}

/** The machine type in a head, such as `pc-q35-10.0`; `undefined` when it names none. @throws WireError when it is truncated */
export function machineOf(head: Uint8Array): string | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length)
  if (bytes[STREAM_MAGIC.length] !== SECTION.CONFIGURATION) return undefined
  const cursor = new Cursor(bytes, STREAM_MAGIC.length + 1)
  const length = cursor.word()
  cursor.skip(length)
  return bytes.toString('utf8', cursor.at - length, cursor.at)
}

/**
 * Whether multifd channels wait for each other at the end of every RAM section; otherwise they wait where a record of the main stream demands it.
 * This is the property `multifd-flush-after-each-section`, on in machine types up to 8.0 (QEMU hw/core/machine.c, `hw_compat_8_0`).
 */
export function flushesEachSection(head: Uint8Array): boolean {
  const version = /-(?<major>\d+)\.(?<minor>\d+)$/.exec(machineOf(head) ?? '')?.groups
  if (version === undefined) return true
  const { major, minor } = version
  return Number(major) < 8 || (Number(major) === 8 && Number(minor) === 0)
}

/**
 * Checks that the guest's pages have the size that the rest of this program expects. A head names their size only on targets where it varies, such as
 * ARM, as its first subsection (QEMU migration/savevm.c `vmstate_target_page_bits`, 7.2 and 10.0).
 * @throws WireError `unsupported` for another size, `truncated`
 */
export function checkPageSize(head: Uint8Array): void {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length)
  if (bytes[STREAM_MAGIC.length] !== SECTION.CONFIGURATION) return
  const cursor = new Cursor(bytes, STREAM_MAGIC.length + 1)
  cursor.skip(cursor.word())
  const start = cursor.at
  if (start === bytes.length || cursor.byte() !== SECTION.SUBSECTION) return
  if (cursor.string() !== PAGE_BITS) return
  cursor.word()
  const bits = cursor.word()
  if (2 ** bits !== PAGE_SIZE)
    throw new WireError('unsupported', `its pages have ${2 ** bits} bytes`, start)
}

interface Capabilities {
  readonly start: number
  readonly end: number
  readonly names: readonly string[]
}

const NAME = 'configuration/capabilities'
const PAGE_BITS = 'configuration/target-page-bits'

function findCapabilities(bytes: Buffer): Capabilities | undefined {
  const cursor = new Cursor(bytes, STREAM_MAGIC.length)
  if (bytes.length === STREAM_MAGIC.length || cursor.byte() !== SECTION.CONFIGURATION)
    return undefined
  cursor.skip(cursor.word())
  while (cursor.at < bytes.length) {
    const start = cursor.at
    if (cursor.byte() !== SECTION.SUBSECTION) return undefined
    const name = cursor.string()
    cursor.word()
    if (name === NAME) {
      const count = cursor.word()
      if (count > 256)
        throw new WireError('corrupt', `the configuration has ${count} capabilities`, start)
      const names = Array.from({ length: count }, () => cursor.string())
      return { start, end: cursor.at, names }
    }
    // Subsections carry no length, so nothing after an unknown one can be found.
    if (name !== PAGE_BITS) return undefined
    cursor.skip(4)
  }
  return undefined
}

function capabilitiesSubsection(names: readonly string[]): Buffer {
  const version = Buffer.alloc(4)
  version.writeUInt32BE(1)
  const count = Buffer.alloc(4)
  count.writeUInt32BE(names.length)
  return Buffer.concat([
    Buffer.of(SECTION.SUBSECTION),
    string(NAME),
    version,
    count,
    ...names.map(string),
  ])
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}

class Cursor {
  at: number
  readonly #bytes: Buffer

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  byte(): number {
    this.skip(1)
    return this.#bytes.readUInt8(this.at - 1)
  }

  word(): number {
    this.skip(4)
    return this.#bytes.readUInt32BE(this.at - 4)
  }

  string(): string {
    const length = this.byte()
    this.skip(length)
    return this.#bytes.toString('utf8', this.at - length, this.at)
  }

  skip(length: number): void {
    if (this.at + length > this.#bytes.length)
      throw new WireError('truncated', 'the configuration section is not complete', this.at)
    this.at += length
  }
}
