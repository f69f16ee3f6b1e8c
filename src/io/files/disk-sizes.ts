import { type FileHandle, open } from 'node:fs/promises'
import { deviceLength } from '../system-calls.ts'

/** The sizes of the file of a disk, in bytes. */
export interface DiskSizes {
  readonly capacityBytes: number
  readonly allocationBytes: number
  readonly physicalBytes: number
}

/** `QFI\xfb`, and the place of the size after it (QEMU docs/interop/qcow2). */
const QCOW2_MAGIC = 0x514649fb
const QCOW2_SIZE = 24

/** The sizes of a raw or qcow2 disk that no QEMU need have open; `undefined` when it cannot be read. Of other formats the capacity is the length of the file. */
export async function diskSizes(path: string): Promise<DiskSizes | undefined> {
  try {
    await using file = await open(path, 'r')
    const facts = await file.stat()
    if (facts.isBlockDevice()) {
      const bytes = deviceLength(file.fd)
      return { capacityBytes: bytes, allocationBytes: bytes, physicalBytes: bytes }
    }
    if (!facts.isFile()) return undefined
    return {
      capacityBytes: (await qcow2Bytes(file)) ?? facts.size,
      allocationBytes: facts.blocks * 512,
      physicalBytes: facts.size,
    }
  } catch {
    return undefined
  }
}

async function qcow2Bytes(file: FileHandle): Promise<number | undefined> {
  const header = Buffer.alloc(QCOW2_SIZE + 8)
  const { bytesRead } = await file.read(header, 0, header.length, 0)
  if (bytesRead < header.length || header.readUInt32BE(0) !== QCOW2_MAGIC) return undefined
  const bytes = Number(header.readBigUInt64BE(QCOW2_SIZE))
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
