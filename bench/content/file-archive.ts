import { lstatSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** An archive of the files below a folder, up to a number of bytes: cpio in the format that the kernel unpacks (Linux, initramfs buffer format, "newc"). */
export function fileArchive(folder: string, mostBytes: number): Buffer {
  const entries: Buffer[] = [entry('files', DIRECTORY, Buffer.alloc(0))]
  let bytes = 0
  for (const path of filesBelow(folder)) {
    const content = readFileSync(path)
    if (bytes + content.length > mostBytes) continue
    bytes += content.length
    entries.push(entry(`files/${entries.length}`, REGULAR, content))
    if (bytes > mostBytes * 0.95) break
  }
  return Buffer.concat([...entries, entry('TRAILER!!!', 0, Buffer.alloc(0))])
}

const DIRECTORY = 0o040755
const REGULAR = 0o100644

function entry(name: string, mode: number, content: Buffer): Buffer {
  // inode, mode, uid, gid, links, time, length, four device numbers, length of the name, check
  const numbers = [0, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0]
  const hex = numbers.map((number) => number.toString(16).padStart(8, '0')).join('')
  return Buffer.concat([padded(Buffer.from(`070701${hex}${name}\0`)), padded(content)])
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])
}

function* filesBelow(folder: string): Generator<string> {
  for (const name of readdirSync(folder).toSorted()) {
    const path = join(folder, name)
    const status = lstatSync(path)
    if (status.isDirectory()) yield* filesBelow(path)
    else if (status.isFile()) yield path
  }
}
