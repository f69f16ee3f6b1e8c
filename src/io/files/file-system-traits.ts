import { constants } from 'node:fs'
import { type FileHandle, open, statfs } from 'node:fs/promises'
import { storageError } from '../storage-error.ts'
import { DIRECT_ALIGNMENT, allocateAligned } from '../memory/aligned-memory.ts'
import { cloneRange } from '../system-calls.ts'

/** The abilities of the file system of a directory. `undefined`: that could not be tried. */
export interface FileSystemTraits {
  /** Bytes that this user may still write, and all. */
  readonly freeBytes: number
  readonly totalBytes: number
  /** Whether its files are in memory, and gone after the host boots again. */
  readonly inMemory: boolean
  /** Whether files can be written past the page cache. */
  readonly directIo: boolean | undefined
  /** Whether files can share blocks. */
  readonly reflinks: boolean | undefined
}

/** A file without a name, which is gone when it is closed (Linux open(2)); `O_DIRECTORY` differs between architectures. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY

/** statfs(2): tmpfs and ramfs. */
const IN_MEMORY: ReadonlySet<number> = new Set([0x01021994, 0x858458f6])

/** statfs(2) and the sources of Linux 6.12: file systems that several hosts may mount. FUSE and virtiofs have one number, whatever is behind them. */
const NETWORK: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x00c36400, 'Ceph'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x01021997, '9P'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x19830326, 'BeeGFS'],
  [0x65735546, 'FUSE'],
])

/** The name of the file system of an existing directory, if several hosts may mount it. @throws StorageError */
export async function networkFileSystem(directory: string): Promise<string | undefined> {
  const { type } = await statfs(directory).catch((error: unknown) => {
    throw storageError('examine the file system', directory, error)
  })
  return NETWORK.get(type >>> 0)
}

const SAMPLE_BYTES = 65536

/**
 * Examines the file system of an existing directory. It tries direct I/O and reflinks with files that have no names, so nothing in the directory changes.
 * @throws StorageError
 */
export async function fileSystemTraits(directory: string): Promise<FileSystemTraits> {
  const facts = await statfs(directory).catch((error: unknown) => {
    throw storageError('examine the file system', directory, error)
  })
  return {
    freeBytes: facts.bavail * facts.bsize,
    totalBytes: facts.blocks * facts.bsize,
    inMemory: IN_MEMORY.has(facts.type),
    directIo: await triesDirectIo(directory),
    reflinks: await triesReflinks(directory),
  }
}

async function triesDirectIo(directory: string): Promise<boolean | undefined> {
  if (!(await takesNamelessFiles(directory))) return undefined
  try {
    await using file = await openNameless(directory, constants.O_DIRECT)
    const block = allocateAligned(DIRECT_ALIGNMENT)
    return (await file.write(block, 0, block.length, 0)).bytesWritten === block.length
  } catch {
    return false
  }
}

async function triesReflinks(directory: string): Promise<boolean | undefined> {
  if (!(await takesNamelessFiles(directory))) return undefined
  try {
    await using from = await openNameless(directory, 0)
    await using to = await openNameless(directory, 0)
    await from.write(Buffer.alloc(SAMPLE_BYTES, 1), 0, SAMPLE_BYTES, 0)
    return cloneRange(from.fd, 0, SAMPLE_BYTES, to.fd)
  } catch {
    return undefined
  }
}

async function takesNamelessFiles(directory: string): Promise<boolean> {
  try {
    await using _file = await openNameless(directory, 0)
    return true
  } catch {
    return false
  }
}

function openNameless(directory: string, flags: number): Promise<FileHandle> {
  return open(directory, O_TMPFILE | constants.O_RDWR | flags, 0o600)
}
