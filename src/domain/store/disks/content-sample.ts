import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

const SAMPLE = 65536
const MIB = 1024 * 1024

/** The magic of a qcow2 image, `QFI\\xfb` (QEMU docs/interop/qcow2.txt). */
const QCOW2_MAGIC = 0x514649fb

/**
 * A digest of those parts of a disk that change when a guest runs on it, whatever its times are afterwards: the first 64 KiB (partition table, or the
 * header of a disk format), 64 KiB at 1 MiB (the superblock of the usual first partition) and the last 64 KiB; for a qcow2 image also its cluster
 * tables, which change when the guest writes to a new place. `undefined` when the disk cannot be read.
 */
export async function contentSample(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const length = await lengthOf(file)
    const hash = createHash('sha256').update(String(length))
    const head = await read(file, 0)
    hash.update(head)
    // The guest, or the maker of the disk, has written the header of a disk format.
    const places = [MIB, Math.max(0, length - SAMPLE), ...tablesOf(head)]
    for (const offset of places) if (offset < length) hash.update(await read(file, offset))
    return hash.digest('hex').slice(0, 32)
  } catch {
    return undefined
  }
}

/** The offsets of a qcow2 image's L1 table and refcount table (from offsets 40 and 48 of the header). */
function tablesOf(head: Buffer): readonly number[] {
  if (head.length < 72 || head.readUInt32BE(0) !== QCOW2_MAGIC) return []
  return [40, 48].map((at) => Number(head.readBigUInt64BE(at))).filter(Number.isSafeInteger)
}

async function read(file: FileHandle, offset: number): Promise<Buffer> {
  const buffer = Buffer.alloc(SAMPLE)
  const { bytesRead } = await file.read(buffer, 0, SAMPLE, offset)
  return buffer.subarray(0, bytesRead)
}

/** The node of a block device has no size, so this searches for its end. */
async function lengthOf(file: FileHandle): Promise<number> {
  const facts = await file.stat()
  if (facts.isFile()) return facts.size
  let [low, high] = [0, 2 ** 50]
  const probe = Buffer.alloc(1)
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if ((await file.read(probe, 0, 1, middle)).bytesRead === 0) high = middle
    else low = middle + 1
  }
  return low
}
