import * as fs from 'node:fs'

/**
 * The functions of `node:fs/promises` that Stasis uses, done at once. They take the place of that module in the bundle of the verbs that only look:
 * such a process has nothing else to do meanwhile, and each trip to the thread pool costs ten times as much as a small read (notes/node/start-up.md).
 * esbuild refuses an import that is not here.
 */

function later<A extends unknown[], R>(act: (...args: A) => R): (...args: A) => Promise<R> {
  // oxlint-disable-next-line require-await
  return async (...args) => act(...args)
}

type Later = (...args: never[]) => Promise<unknown>

export const access: Later = later(fs.accessSync)
export const appendFile: Later = later(fs.appendFileSync)
export const chmod: Later = later(fs.chmodSync)
export const chown: Later = later(fs.chownSync)
export const copyFile: Later = later(fs.copyFileSync)
export const link: Later = later(fs.linkSync)
export const lstat: Later = later(fs.lstatSync)
export const mkdir: Later = later(fs.mkdirSync)
export const mkdtemp: Later = later(fs.mkdtempSync)
export const readFile: Later = later(fs.readFileSync)
export const readdir: Later = later(fs.readdirSync)
export const readlink: Later = later(fs.readlinkSync)
export const realpath: Later = later(fs.realpathSync)
export const rename: Later = later(fs.renameSync)
export const rm: Later = later(fs.rmSync)
export const rmdir: Later = later(fs.rmdirSync)
export const stat: Later = later(fs.statSync)
export const statfs: Later = later(fs.statfsSync)
export const symlink: Later = later(fs.symlinkSync)
export const truncate: Later = later(fs.truncateSync)
export const unlink: Later = later(fs.unlinkSync)
export const utimes: Later = later(fs.utimesSync)
export const writeFile: Later = later(fs.writeFileSync)

/** Opens a file, as `open` of `node:fs/promises`. */
export const open: Later = later(
  (...args: Parameters<typeof fs.openSync>) => new OpenFile(fs.openSync(...args)),
)

/** What Stasis uses of a `FileHandle`. Arguments are those of the functions of `node:fs`. */
class OpenFile {
  readonly fd: number
  #open = true

  constructor(fd: number) {
    this.fd = fd
  }

  async stat(options?: fs.StatOptions): Promise<fs.Stats | fs.BigIntStats> {
    return fs.fstatSync(this.fd, options)
  }

  async readFile(options?: BufferEncoding): Promise<string | Buffer> {
    return fs.readFileSync(this.fd, options)
  }

  async read(...args: Tail<Parameters<typeof fs.readSync>>): Promise<{ bytesRead: number }> {
    return { bytesRead: fs.readSync(this.fd, ...args) }
  }

  async write(buffer: Uint8Array, ...args: number[]): Promise<{ bytesWritten: number }> {
    return { bytesWritten: fs.writeSync(this.fd, buffer, ...args) }
  }

  async writev(buffers: Uint8Array[], position?: number): Promise<{ bytesWritten: number }> {
    return { bytesWritten: fs.writevSync(this.fd, buffers, position) }
  }

  async sync(): Promise<void> {
    fs.fsyncSync(this.fd)
  }

  async truncate(length?: number): Promise<void> {
    fs.ftruncateSync(this.fd, length)
  }

  async close(): Promise<void> {
    if (this.#open) fs.closeSync(this.fd)
    this.#open = false
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

type Tail<T extends readonly unknown[]> = T extends readonly [unknown, ...infer Rest] ? Rest : never
