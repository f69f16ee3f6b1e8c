import type { QmpConnection } from '../qmp/connection.ts'
import type { QmpCallOptions } from '../qmp/connection.ts'
import { QmpRefusal } from '../qmp/refusal.ts'

/** Guest memory that QEMU migrates under a name, and its place in the address space of QEMU. */
export interface PlacedBlock {
  readonly name: string
  /** Bytes in use. */
  readonly length: number
  readonly address: number
}

/** name, page size, offset, used, total, address, `rw` or `ro` (QEMU softmmu/physmem.c `ram_block_format`, 10.0 and 11.1; 7.2 has no address) */
const LINE =
  /^ *(?<name>\S*) +\d+ \w+ +0x[0-9a-f]+ +0x(?<used>[0-9a-f]+) +0x[0-9a-f]+ +0x(?<address>[0-9a-f]+) +r[wo] *$/

/**
 * The RAM blocks that QEMU migrates, in its order, with their addresses. `undefined` when QEMU does not tell the addresses, such as 7.2. A block without
 * a name is not migrated.
 * @throws QemuError QEMU_DIED, QEMU_TIMEOUT; CancelledError
 */
export async function placedBlocks(
  qmp: QmpConnection,
  options: QmpCallOptions = {},
): Promise<readonly PlacedBlock[] | undefined> {
  try {
    const { 'human-readable-text': text } = await qmp.execute('x-query-ramblock', {}, options)
    return parseBlocks(text)
  } catch (error) {
    if (error instanceof QmpRefusal) return undefined
    throw error
  }
}

/** Parses the table; `undefined` when a line of it is different. */
export function parseBlocks(text: string): readonly PlacedBlock[] | undefined {
  const [, ...lines] = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  const blocks: PlacedBlock[] = []
  for (const line of lines) {
    const found = LINE.exec(line)?.groups
    if (found === undefined) return undefined
    const { name = '', used = '', address = '' } = found
    const block = { name, length: Number.parseInt(used, 16), address: Number.parseInt(address, 16) }
    if (!Number.isSafeInteger(block.length) || !Number.isSafeInteger(block.address))
      return undefined
    if (name !== '') blocks.push(block)
  }
  return blocks.length === 0 ? undefined : blocks
}
