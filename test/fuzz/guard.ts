import { fstatSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** A reader may ask for a whole buffer where the file ends sooner, but not for more than this beyond the end. */
const SLACK = 256 * 1024

/** More memory than this at once is a finding. */
export const MEMORY_LIMIT: number = 1024 ** 3

/** The prototype of Node's file handles. */
interface HandlePrototype {
  read: (this: FileHandle, ...args: readonly unknown[]) => unknown
}

/** Watches every read through file handles, and every buffer: notes what goes beyond the file, or beyond the memory that a parser may take. */
export class Guard {
  #fault: string | undefined

  /** Puts itself between the parsers and Node, for as long as the process lives. */
  async install(): Promise<void> {
    const handle = await open('/dev/null')
    const prototype = Object.getPrototypeOf(handle) as HandlePrototype
    await handle.close()
    const { read } = prototype
    const note = (fault: string): void => {
      this.#fault ??= fault
    }
    prototype.read = function (this: FileHandle, ...args) {
      const [buffer, , length, position] = args
      if (typeof position === 'number' && buffer instanceof Uint8Array)
        note2(this.fd, position, Number(length ?? buffer.length))
      return read.apply(this, [...args])
    }
    const note2 = (fd: number, position: number, length: number): void => {
      const fault = readFault(fd, position, length)
      if (fault !== undefined) note(fault)
    }
    for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
      const make = Buffer[name].bind(Buffer) as (size: number, ...rest: unknown[]) => Buffer
      Object.assign(Buffer, {
        [name]: (size: number, ...rest: unknown[]) => {
          if (size > MEMORY_LIMIT) note(`Buffer.${name}(${size})`)
          return make(size, ...rest)
        },
      })
    }
  }

  /** The first thing noted since the last call. */
  take(): string | undefined {
    const fault = this.#fault
    this.#fault = undefined
    return fault
  }
}

function readFault(fd: number, position: number, length: number): string | undefined {
  const facts = fstatSync(fd)
  if (!facts.isFile()) return undefined
  const inside = position >= 0 && Number.isSafeInteger(position) && position <= facts.size
  if (inside && position + length <= facts.size + SLACK) return undefined
  return `asks for ${length} bytes at ${position} of a file of ${facts.size}`
}
