import * as fs from 'node:fs'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import {
  inodeAt,
  isJournalled,
  noteCopy,
  noteName,
  noteOpen,
  noteSync,
  noteTruncate,
  noteWrite,
} from './journal.ts'
import { consult, faultError, shortened } from './plan.ts'

type Call = (...args: unknown[]) => unknown
type Table = Record<string, Call>

const require = createRequire(import.meta.url)
const { readlinkSync } = fs

/** Functions that take a path first, and what their system call is here. */
const BY_PATH: Readonly<Record<string, string>> = {
  open: 'open',
  readFile: 'open',
  writeFile: 'open',
  copyFile: 'copy',
  rename: 'rename',
  link: 'link',
  symlink: 'link',
  unlink: 'unlink',
  rm: 'unlink',
  rmdir: 'unlink',
  mkdir: 'mkdir',
  mkdtemp: 'mkdir',
  truncate: 'truncate',
  stat: 'stat',
  lstat: 'stat',
  statfs: 'stat',
  access: 'stat',
  realpath: 'stat',
  readlink: 'stat',
  readdir: 'readdir',
  chmod: 'chmod',
  utimes: 'chmod',
  watch: 'watch',
}

/** The name that a call changes, for messages and for faults by path: the last that is given. */
function named(name: string, args: readonly unknown[]): string {
  const second = name === 'rename' || name === 'link' || name === 'symlink' || name === 'copyFile'
  return String(args[second ? 1 : 0])
}

const FLAGGED: ReadonlySet<string> = new Set(['open'])
const NAME_ACTS: Readonly<Record<string, Parameters<typeof noteName>[0]>> = {
  rename: 'rename',
  link: 'link',
  symlink: 'symlink',
  unlink: 'unlink',
  rmdir: 'rmdir',
  rm: 'tree-gone',
}

/** Puts the layer before the functions of `node:fs` and `node:fs/promises`. */
export function replaceFileCalls(): void {
  const all = require('node:fs') as Table & { promises: Table }
  for (const [name, call] of Object.entries(BY_PATH)) {
    replace(all.promises, name, (original, self, args) =>
      promised(() => byPath(name, call, original, self, args)),
    )
    replace(all, `${name}Sync`, (original, self, args) => byPath(name, call, original, self, args))
  }
  replace(all, 'watch', (original, self, args) => byPath('watch', 'watch', original, self, args))
  for (const [name, call] of [
    ['readSync', 'read'],
    ['writeSync', 'write'],
    ['fsyncSync', 'fsync'],
    ['fdatasyncSync', 'fsync'],
    ['ftruncateSync', 'truncate'],
    ['fstatSync', 'stat'],
  ] as const) {
    replace(all, name, (original, self, args) =>
      byDescriptor(
        call,
        Number(args[0]),
        args.slice(1),
        (rest) => original.apply(self, [args[0], ...rest]),
        true,
      ),
    )
  }
  replace(all, 'writev', (original, self, args) => {
    const done = args.at(-1) as Call
    const path = (): string => pathOf(Number(args[0]))
    const fault = consult('write', path)
    const cut = fault === 'SHORT' ? firstHalf(args[1] as Uint8Array[]) : undefined
    if (cut !== undefined) return original.apply(self, [args[0], cut, ...args.slice(2)])
    if (fault !== undefined && fault !== 'SHORT')
      return setImmediate(() => done(faultError('write', fault, path())))
    return original.apply(self, args)
  })
  syncBuiltinESMExports()
}

function replace(
  table: Table,
  name: string,
  call: (original: Call, self: unknown, args: unknown[]) => unknown,
): void {
  const original = table[name]
  if (original === undefined) return
  table[name] = new Proxy(original, {
    apply: (target, self, args: unknown[]) => call(target, self, args),
  })
}

/** Turns what is thrown into a rejection, as callers of promises expect. */
async function promised(act: () => unknown): Promise<unknown> {
  return await act()
}

function byPath(
  name: string,
  call: string,
  original: Call,
  self: unknown,
  args: unknown[],
): unknown {
  const fault = consult(call, () => named(name, args))
  // A call on a name has no count to be short.
  if (fault !== undefined && fault !== 'SHORT' && fault !== 'ZERO')
    throw faultError(call, fault, named(name, args))
  const before = FLAGGED.has(name) ? inodeAt(args[0]) : undefined
  return whenDone(original.apply(self, args), (result) => {
    if (name === 'open') afterOpen(result, args, before)
    else if (name === 'mkdir') noteDirectories(args, result)
    else if (name === 'copyFile') noteCopy(args[1])
    else if (name === 'mkdtemp') noteName('mkdir', result)
    else if (isJournalled && NAME_ACTS[name] !== undefined)
      noteName(
        NAME_ACTS[name],
        name === 'symlink' ? args[1] : args[0],
        name === 'symlink' ? args[0] : args[1],
      )
  })
}

/** `mkdir` with its parents returns the first that it made. */
function noteDirectories([path, options]: readonly unknown[], first: unknown): void {
  const whole = String(path)
  if ((options as { recursive?: boolean } | undefined)?.recursive !== true) noteName('mkdir', whole)
  else if (typeof first === 'string') {
    for (
      let end = first.length;
      end !== -1 && end < whole.length;
      end = whole.indexOf('/', end + 1)
    )
      noteName('mkdir', whole.slice(0, end))
    noteName('mkdir', whole)
  }
}

function whenDone(result: unknown, then: (value: unknown) => void): unknown {
  if (!(result instanceof Promise)) {
    then(result)
    return result
  }
  return result.then((value: unknown) => {
    then(value)
    return value
  })
}

interface Handle {
  readonly fd: number
}

let replacedHandle = false

function afterOpen(
  result: unknown,
  [path, flags]: readonly unknown[],
  before: number | undefined,
): void {
  const fd = typeof result === 'number' ? result : (result as Handle).fd
  noteOpen(path, fd, before, flags)
  if (typeof result === 'number') return
  // Each handle has a `close` of its own.
  replaceClose(result as Table & Handle)
  // Node does not export the class of handles.
  if (replacedHandle) return
  replacedHandle = true
  const prototype = Object.getPrototypeOf(result) as Table
  for (const [name, call] of [
    ['read', 'read'],
    ['write', 'write'],
    ['readv', 'read'],
    ['writev', 'write'],
    ['readFile', 'read'],
    ['writeFile', 'write'],
    ['sync', 'fsync'],
    ['datasync', 'fsync'],
    ['truncate', 'truncate'],
    ['stat', 'stat'],
  ] as const) {
    replace(prototype, name, (original, self, args) =>
      promised(() =>
        byDescriptor(call, (self as Handle).fd, args, (rest) => original.apply(self, rest)),
      ),
    )
  }
}

function replaceClose(handle: Table & Handle): void {
  replace(handle, 'close', (original, self, args) => {
    const { fd } = self as Handle
    if (fd < 0) return original.apply(self, args)
    const path = pathOf(fd)
    const fault = consult('close', () => path)
    const closed = original.apply(self, args) as Promise<unknown>
    // The descriptor is gone, as after a close(2) that reports an error.
    return fault === undefined || fault === 'SHORT' || fault === 'ZERO'
      ? closed
      : closed.then(() => {
          throw faultError('close', fault, path)
        })
  })
}

function byDescriptor(
  call: string,
  fd: number,
  args: unknown[],
  go: (args: unknown[]) => unknown,
  isSync = false,
): unknown {
  const path = (): string => pathOf(fd)
  // The terminal is not a matter of this layer.
  const fault = fd <= 2 ? undefined : consult(call, path)
  const cut = fault === 'SHORT' ? shortArgs(call, args) : undefined
  if (fault !== undefined && fault !== 'SHORT') {
    if (fault !== 'ZERO') throw faultError(call, fault, path())
    if (call === 'read') return isSync ? 0 : { bytesRead: 0, buffer: args[0] }
  }
  const final = cut ?? args
  const ended = call === 'fsync' ? noteSync(fd) : undefined
  return whenDone(go(final), (result) => {
    ended?.()
    if (call === 'truncate') noteTruncate(fd, Number(args[0] ?? 0))
    if (call === 'write' && isJournalled) noteWritten(fd, final, result)
  })
}

function shortArgs(call: string, args: readonly unknown[]): unknown[] | undefined {
  const [bytes, second] = args
  if (call !== 'read' && call !== 'write') return undefined
  if (Array.isArray(bytes)) {
    const cut = firstHalf(bytes as Uint8Array[])
    return cut === undefined ? undefined : [cut, ...args.slice(1)]
  }
  if (!ArrayBuffer.isView(bytes)) return undefined
  const options =
    typeof second === 'object' && second !== null ? (second as Record<string, unknown>) : undefined
  const offset = Number(options?.['offset'] ?? (options === undefined ? (second ?? 0) : 0))
  const length = Number(
    (options === undefined ? args[2] : options['length']) ?? bytes.byteLength - offset,
  )
  const position = options === undefined ? args[3] : options['position']
  const less = shortened(length)
  return less === undefined ? undefined : [bytes, offset, less, position ?? null]
}

function firstHalf(pieces: readonly Uint8Array[]): Uint8Array[] | undefined {
  const less = shortened(pieces.reduce((sum, { length }) => sum + length, 0))
  if (less === undefined) return undefined
  const kept: Uint8Array[] = []
  let left = less
  for (const piece of pieces) {
    if (left === 0) break
    kept.push(piece.subarray(0, left))
    left -= Math.min(left, piece.length)
  }
  return kept
}

function noteWritten(fd: number, args: readonly unknown[], result: unknown): void {
  const [bytes, offset, , position] = args
  const count =
    typeof result === 'number'
      ? result
      : Number((result as { bytesWritten?: number })?.bytesWritten)
  if (typeof bytes === 'string') noteWrite(fd, [Buffer.from(bytes)], null)
  else if (Array.isArray(bytes))
    noteWrite(fd, [Buffer.concat(bytes as Uint8Array[]).subarray(0, count)], args[1])
  else if (ArrayBuffer.isView(bytes)) {
    const from = bytes.byteOffset + Number(offset ?? 0)
    noteWrite(fd, [new Uint8Array(bytes.buffer, from, count)], position)
  }
}

/** The path of an open descriptor, or `socket:[…]`, `/memfd:…`. */
export function pathOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return `descriptor ${fd}`
  }
}
