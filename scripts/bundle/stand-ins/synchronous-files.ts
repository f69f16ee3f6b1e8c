import {
  type BigIntStats,
  type StatOptions,
  type Stats,
  accessSync,
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
  statfsSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
  writevSync,
} from 'node:fs'

/**
 * The functions of `node:fs/promises` that Stasis uses, done at once. They take the place of that module in the bundle of the verbs that only look:
 * such a process has nothing else to do meanwhile, and each trip to the thread pool costs ten times as much as a small read (notes/node/start-up.md).
 * esbuild refuses an import that is not here. The names are imported one by one, because a copy of all of `node:fs` loads more of Node.
 */

function later<A extends unknown[], R>(act: (...args: A) => R): (...args: A) => Promise<R> {
  // oxlint-disable-next-line require-await
  return async (...args) => act(...args)
}

type Later = (...args: never[]) => Promise<unknown>

export const access: Later = later(accessSync)
export const appendFile: Later = later(appendFileSync)
export const chmod: Later = later(chmodSync)
export const chown: Later = later(chownSync)
export const copyFile: Later = later(copyFileSync)
export const link: Later = later(linkSync)
export const lstat: Later = later(lstatSync)
export const mkdir: Later = later(mkdirSync)
export const mkdtemp: Later = later(mkdtempSync)
export const readFile: Later = later(readFileSync)
export const readdir: Later = later(readdirSync)
export const readlink: Later = later(readlinkSync)
export const realpath: Later = later(realpathSync)
export const rename: Later = later(renameSync)
export const rm: Later = later(rmSync)
export const rmdir: Later = later(rmdirSync)
export const stat: Later = later(statSync)
export const statfs: Later = later(statfsSync)
export const symlink: Later = later(symlinkSync)
export const truncate: Later = later(truncateSync)
export const unlink: Later = later(unlinkSync)
export const utimes: Later = later(utimesSync)
export const writeFile: Later = later(writeFileSync)

/** Opens a file, as `open` of `node:fs/promises`. */
export const open: Later = later(
  (...args: Parameters<typeof openSync>) => new OpenFile(openSync(...args)),
)

/** What Stasis uses of a `FileHandle`. Arguments are those of the functions of `node:fs`. */
class OpenFile {
  readonly fd: number
  #open = true

  constructor(fd: number) {
    this.fd = fd
  }

  async stat(options?: StatOptions): Promise<Stats | BigIntStats> {
    return fstatSync(this.fd, options)
  }

  async readFile(options?: BufferEncoding): Promise<string | Buffer> {
    return readFileSync(this.fd, options)
  }

  async read(...args: Tail<Parameters<typeof readSync>>): Promise<{ bytesRead: number }> {
    return { bytesRead: readSync(this.fd, ...args) }
  }

  async write(buffer: Uint8Array, ...args: number[]): Promise<{ bytesWritten: number }> {
    return { bytesWritten: writeSync(this.fd, buffer, ...args) }
  }

  async writev(buffers: Uint8Array[], position?: number): Promise<{ bytesWritten: number }> {
    return { bytesWritten: writevSync(this.fd, buffers, position) }
  }

  async sync(): Promise<void> {
    fsyncSync(this.fd)
  }

  async truncate(length?: number): Promise<void> {
    ftruncateSync(this.fd, length)
  }

  async close(): Promise<void> {
    if (this.#open) closeSync(this.fd)
    this.#open = false
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

type Tail<T extends readonly unknown[]> = T extends readonly [unknown, ...infer Rest] ? Rest : never
