import * as fs from 'node:fs'
import { resolve } from 'node:path'
import { threadId } from 'node:worker_threads'

/** Originals, because the layer replaces them. */
const { fstatSync, lstatSync, openSync, readFileSync, readlinkSync, writeSync } = fs

/** One change of a file system, in the order in which the kernel had done them. A number `file` is an inode. */
export type Change =
  | { readonly act: 'create' | 'link'; readonly path: string; readonly file: number }
  | { readonly act: 'unlink' | 'mkdir' | 'rmdir' | 'tree-gone'; readonly path: string }
  | { readonly act: 'rename' | 'exchange'; readonly path: string; readonly to: string }
  | { readonly act: 'symlink'; readonly path: string; readonly to: string }
  | { readonly act: 'write'; readonly file: number; readonly at: number; readonly data: string }
  | { readonly act: 'truncate'; readonly file: number; readonly length: number }
  /** Covers the changes of a file, or of the names in a directory, before its `sync-begin`. */
  | {
      readonly act: 'sync-begin'
      readonly file: number
      readonly id: string
      readonly directory?: string
    }
  | { readonly act: 'sync-end'; readonly id: string }
  /** The whole file as it was at a sync, for what others, such as QEMU, have written to it. */
  | { readonly act: 'content'; readonly file: number; readonly data: string }
  /** A command that QEMU was sent. */
  | { readonly act: 'command'; readonly name: string }

const file = process.env['STASIS_JOURNAL']
const fd = file === undefined ? undefined : openSync(file, 'a')
const within = process.env['STASIS_FAULT_DIR'] ?? '/'
let syncs = 0

/** Whether changes are recorded. */
export const isJournalled: boolean = fd !== undefined

export function note(change: Change): void {
  if (fd === undefined) return
  writeSync(fd, `${JSON.stringify(change)}\n`)
}

/** Records a change of names, if it is in the directory of the test. */
export function noteName(act: Change['act'], path: unknown, to?: unknown): void {
  if (fd === undefined || typeof path !== 'string') return
  const whole = resolve(path)
  const other = typeof to === 'string' ? (act === 'symlink' ? to : resolve(to)) : undefined
  if (!whole.startsWith(within)) return
  if (act === 'link' && other !== undefined) {
    note({ act, path: other, file: lstatSync(other).ino })
    return
  }
  note({ act, path: whole, ...(other !== undefined && { to: other }) } as Change)
}

/** What has the name before an open; for `noteOpen`. */
export function inodeAt(path: unknown): number | undefined {
  if (fd === undefined || typeof path !== 'string') return undefined
  return fs.statSync(path, { throwIfNoEntry: false })?.ino
}

/** Records that an open created or emptied a file. */
export function noteOpen(
  path: unknown,
  opened: number,
  before: number | undefined,
  flags: unknown,
): void {
  if (fd === undefined || typeof path !== 'string' || !resolve(path).startsWith(within)) return
  const { ino } = fstatSync(opened)
  if (before === undefined) note({ act: 'create', path: resolve(path), file: ino })
  else if (empties(flags)) note({ act: 'truncate', file: ino, length: 0 })
}

function empties(flags: unknown): boolean {
  return typeof flags === 'number'
    ? (flags & fs.constants.O_TRUNC) !== 0
    : String(flags).startsWith('w')
}

/** Records that a file is a copy of another. */
export function noteCopy(path: unknown): void {
  if (fd === undefined || typeof path !== 'string' || !resolve(path).startsWith(within)) return
  const { ino } = lstatSync(path)
  note({ act: 'create', path: resolve(path), file: ino })
  note({ act: 'write', file: ino, at: 0, data: readFileSync(path).toString('base64') })
}

/** Records written bytes. `position` null is the end of the file, where all our writes without a position go. */
export function noteWrite(written: number, pieces: readonly Uint8Array[], position: unknown): void {
  if (fd === undefined) return
  const facts = fstatSync(written)
  if (!facts.isFile()) return
  const data = Buffer.concat(pieces)
  const at = typeof position === 'number' ? position : Math.max(0, facts.size - data.length)
  note({ act: 'write', file: facts.ino, at, data: data.toString('base64') })
}

export function noteTruncate(truncated: number, length: number): void {
  if (fd !== undefined) note({ act: 'truncate', file: fstatSync(truncated).ino, length })
}

/** Records the beginning of a sync; call the result at its end. */
export function noteSync(synced: number): () => void {
  if (fd === undefined) return () => undefined
  const facts = fstatSync(synced)
  syncs += 1
  const id = `${process.pid}-${threadId}-${syncs}`
  if (facts.isFile())
    note({
      act: 'content',
      file: facts.ino,
      data: readFileSync(`/proc/self/fd/${synced}`).toString('base64'),
    })
  const directory = facts.isDirectory() ? readlinkSync(`/proc/self/fd/${synced}`) : undefined
  note({ act: 'sync-begin', file: facts.ino, id, ...(directory !== undefined && { directory }) })
  return () => note({ act: 'sync-end', id })
}
