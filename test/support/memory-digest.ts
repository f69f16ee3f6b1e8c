import { createHash } from 'node:crypto'
import { OutsideMemory, knownContent } from './outside-memory.ts'

const MIB = 1024 * 1024
const PIECE = 16 * MIB
/** Where neither the tiny guest nor firmware writes. */
const UNUSED = { address: 40 * MIB, length: 8 * MIB }

/**
 * The memory of a paused guest, seen from outside: RAM blocks of these sizes in the process. Each is filled with known content where no guest of
 * the tests writes, so that none is mostly zeros.
 */
export async function fillUnusedMemory(pid: number, ramBytes: readonly number[]): Promise<void> {
  for (const { memory } of await blocks(pid, ramBytes)) {
    await using each = memory
    await each.write(UNUSED.address, knownContent(UNUSED.address, UNUSED.length))
  }
}

/** A digest of each of its RAM blocks, the smallest first. */
export async function memoryDigests(
  pid: number,
  ramBytes: readonly number[],
): Promise<readonly string[]> {
  const digests: string[] = []
  for (const { memory, bytes } of await blocks(pid, ramBytes)) {
    await using each = memory
    const hash = createHash('sha256')
    for (let at = 0; at < bytes; at += PIECE)
      hash.update(await each.read(at, Math.min(PIECE, bytes - at)))
    digests.push(hash.digest('hex'))
  }
  return digests
}

async function blocks(
  pid: number,
  ramBytes: readonly number[],
): Promise<readonly { readonly memory: OutsideMemory; readonly bytes: number }[]> {
  const sizes = [...new Set(ramBytes)].toSorted((a, b) => a - b)
  const found = await Promise.all(
    sizes.map(async (bytes) => {
      const count = ramBytes.filter((one) => one === bytes).length
      return (await OutsideMemory.openAll(pid, bytes, count)).map((memory) => ({ memory, bytes }))
    }),
  )
  return found.flat()
}
