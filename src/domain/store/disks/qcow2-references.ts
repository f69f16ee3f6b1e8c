import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** The other files that the header of a qcow2 image names, as it names them. */
export interface Qcow2References {
  readonly backing: string | undefined
  /** The format of the backing file; without one QEMU guesses. */
  readonly backingFormat: string | undefined
  /** An external file with the content, which QEMU writes to. */
  readonly dataFile: string | undefined
}

const HEAD = 65536
const MAGIC = 0x514649fb
const BACKING_FORMAT = 0xe2792aca
const DATA_FILE = 0x44415441

/** Longest name of a backing file (QEMU docs/interop/qcow2.txt). */
const MAX_NAME = 1023

/** Reads the header of a qcow2 image (QEMU docs/interop/qcow2.txt); `undefined` when the file is not one, or cannot be read. */
export async function qcow2References(path: string): Promise<Qcow2References | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const head = await read(file, 0, HEAD)
    if (head.length < 72 || head.readUInt32BE(0) !== MAGIC) return undefined
    const extensions = extensionsOf(head)
    const text = (type: number): string | undefined => {
      const bytes = extensions.get(type)
      return bytes && nameOf(bytes)
    }
    return {
      backing: await backingOf(file, head),
      backingFormat: text(BACKING_FORMAT),
      dataFile: text(DATA_FILE),
    }
  } catch {
    return undefined
  }
}

async function backingOf(file: FileHandle, head: Buffer): Promise<string | undefined> {
  const offset = Number(head.readBigUInt64BE(8))
  const length = head.readUInt32BE(16)
  if (offset === 0 || length === 0 || !Number.isSafeInteger(offset)) return undefined
  const facts = await file.stat()
  if (facts.isFile() && offset >= facts.size) return undefined
  return nameOf(await read(file, offset, Math.min(length, MAX_NAME)))
}

/** A name as QEMU takes it: it ends at its first NUL, whatever follows. */
function nameOf(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}

function extensionsOf(head: Buffer): ReadonlyMap<number, Buffer> {
  const found = new Map<number, Buffer>()
  const version = head.readUInt32BE(4)
  let at = version < 3 || head.length < 104 ? 72 : head.readUInt32BE(100)
  while (at + 8 <= head.length) {
    const type = head.readUInt32BE(at)
    const length = head.readUInt32BE(at + 4)
    if (type === 0 || at + 8 + length > head.length) break
    found.set(type, head.subarray(at + 8, at + 8 + length))
    at += 8 + Math.ceil(length / 8) * 8
  }
  return found
}

async function read(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, offset)
  return buffer.subarray(0, bytesRead)
}
