import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type DiskState, type Entry, idOf } from './disk-model.ts'

/** What a power cut does not matter to: caches of code, and what is in memory (`/run`). */
const LEFT_OUT = ['state/cache', 'state/run']

/** The names and contents below a directory. */
export function readDisk(directory: string): DiskState {
  const names = new Map<string, Entry>([[directory, { kind: 'directory' }]])
  const files = new Map<string, Buffer>()
  const visit = (path: string): void => {
    for (const name of readdirSync(path)) {
      const at = join(path, name)
      if (isLeftOut(directory, at)) continue
      const facts = lstatSync(at)
      if (facts.isDirectory()) {
        names.set(at, { kind: 'directory' })
        visit(at)
      } else if (facts.isSymbolicLink()) names.set(at, { kind: 'link', to: readlinkSync(at) })
      else if (facts.isFile()) {
        names.set(at, { kind: 'file', file: idOf(facts.ino) })
        files.set(idOf(facts.ino), readFileSync(at))
      }
    }
  }
  visit(directory)
  return { names, files }
}

/** Makes a directory as it was at a power cut. */
export function writeDisk(directory: string, { names, files }: DiskState): void {
  for (const name of readdirSync(directory)) {
    if (name !== 'state') rmSync(join(directory, name), { recursive: true })
    else
      for (const inner of readdirSync(join(directory, name)))
        if (inner !== 'cache') rmSync(join(directory, name, inner), { recursive: true })
  }
  for (const [path, entry] of [...names].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (path === directory || isLeftOut(directory, path)) continue
    if (entry.kind === 'directory') mkdirSync(path, { recursive: true, mode: 0o700 })
    else if (entry.kind === 'link') symlinkSync(entry.to, path)
    else {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      writeFileSync(path, files.get(entry.file) ?? '', { mode: 0o600 })
    }
  }
}

function isLeftOut(directory: string, path: string): boolean {
  return LEFT_OUT.some(
    (name) => path === join(directory, name) || path.startsWith(`${join(directory, name)}/`),
  )
}
