import { Buffer } from 'node:buffer'
import { ramStart } from './incoming-stream.ts'
import { type AnnouncedBlock } from './main-stream.ts'
import { PAGE_SIZE } from './page-size.ts'
import { SECTION } from './stream-constants.ts'
import { withoutCapability } from './stream-head.ts'

/**
 * The messages of a postcopy migration's source other than pages. Sources: QEMU migration/savevm.c (`qemu_savevm_send_*`), tried with 7.2, 10.0 and
 * 11.1.
 */

/** `enum qemu_vm_cmd` in QEMU migration/savevm.c. */
const COMMAND = {
  OPEN_RETURN_PATH: 1,
  ADVISE: 3,
  LISTEN: 4,
  RUN: 5,
  RAM_DISCARD: 6,
  PACKAGED: 7,
  RESUME: 9,
  RECV_BITMAP: 10,
} as const

/** The state that a postcopy migration starts from. */
export interface PostcopyMachine {
  /** Magic, version, configuration section, as saved. */
  readonly head: Uint8Array
  readonly ramSection: number
  /** Device sections without the end mark. */
  readonly sections: Uint8Array
}

/**
 * Everything up to the point where the guest may run: the blocks, a discard of all their pages, and the devices in one package. Without a discard
 * before LISTEN, QEMU loads pages the precopy way into memory that it has registered for faults, and waits for itself. `hostPageSizes` names the
 * blocks in huge pages.
 */
export function postcopyStart(
  machine: PostcopyMachine,
  blocks: readonly AnnouncedBlock[],
  hostPageSizes: ReadonlyMap<string, number>,
): Uint8Array {
  const pageSizes = blocks.map(({ name }) => hostPageSizes.get(name) ?? PAGE_SIZE)
  // The sizes are powers of two, combined into a bit mask; x86 has none beyond 2^31.
  const summary = pageSizes.reduce((sum, size) => sum | size, PAGE_SIZE)
  const packaged = Buffer.concat([command(COMMAND.LISTEN), machine.sections, command(COMMAND.RUN)])
  return Buffer.concat([
    withoutCapability(machine.head, 'mapped-ram'),
    command(COMMAND.OPEN_RETURN_PATH),
    command(COMMAND.ADVISE, long(summary), long(PAGE_SIZE)),
    ramStart(machine.ramSection, blocks, hostPageSizes),
    ...blocks.map(({ name, length }) =>
      command(COMMAND.RAM_DISCARD, Buffer.of(0), string(name), Buffer.of(0), long(0), long(length)),
    ),
    command(COMMAND.PACKAGED, word(packaged.length)),
    packaged,
  ])
}

/** Asks a QEMU in `postcopy-recover` which pages of a block it has received. */
export function requestReceivedPages(block: string): Uint8Array {
  return command(COMMAND.RECV_BITMAP, string(block))
}

/** Resumes the sending of pages, after the received pages of all blocks were requested. */
export function resumePostcopy(): Uint8Array {
  return command(COMMAND.RESUME)
}

/** The end of the stream, after `ramEnd`. */
export function endOfPostcopy(): Uint8Array {
  return Uint8Array.of(SECTION.END_OF_STREAM)
}

function command(code: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const head = Buffer.alloc(5)
  head.writeUInt8(SECTION.COMMAND, 0)
  head.writeUInt16BE(code, 1)
  head.writeUInt16BE(
    parts.reduce((sum, part) => sum + part.length, 0),
    3,
  )
  return Buffer.concat([head, ...parts])
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function long(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}
