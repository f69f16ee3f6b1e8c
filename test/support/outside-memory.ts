import { type FileHandle, open, readFile } from 'node:fs/promises'

/** The RAM of a QEMU process, seen from outside, for guests that never run. */
export class OutsideMemory implements AsyncDisposable {
  readonly #memory: FileHandle
  readonly #start: number

  private constructor(memory: FileHandle, start: number) {
    this.#memory = memory
    this.#start = start
  }

  /** Finds the mapping that has the size of the guest's RAM. */
  static async open(pid: number, ramBytes: number): Promise<OutsideMemory> {
    const [start] = await mappingsOf(pid, ramBytes)
    if (start === undefined) throw new Error(`No mapping of ${ramBytes} bytes in process ${pid}`)
    return new OutsideMemory(await open(`/proc/${pid}/mem`, 'r+'), start)
  }

  /** Finds all mappings of that size, which must be as many. */
  static async openAll(
    pid: number,
    ramBytes: number,
    count: number,
  ): Promise<readonly OutsideMemory[]> {
    const starts = await mappingsOf(pid, ramBytes)
    if (starts.length !== count)
      throw new Error(
        `Process ${pid} has ${starts.length} mappings of ${ramBytes} bytes, not ${count}`,
      )
    return Promise.all(
      starts.map(async (start) => new OutsideMemory(await open(`/proc/${pid}/mem`, 'r+'), start)),
    )
  }

  async write(address: number, bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      done += (
        await this.#memory.write(bytes, done, bytes.length - done, this.#start + address + done)
      ).bytesWritten
    }
  }

  async read(address: number, length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length)
    for (let done = 0; done < length;) {
      done += (await this.#memory.read(bytes, done, length - done, this.#start + address + done))
        .bytesRead
    }
    return bytes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#memory.close()
  }
}

/** The addresses of the mappings of that size. */
async function mappingsOf(pid: number, bytes: number): Promise<readonly number[]> {
  const maps = (await readFile(`/proc/${pid}/maps`, 'latin1')).split('\n')
  return maps
    .map((line) => (line.split(' ')[0] ?? '').split('-').map((hex) => Number.parseInt(hex, 16)))
    .filter(([from = 0, to = 0]) => to - from === bytes)
    .map(([from = 0]) => from)
}

/** Bytes that only this address has: half of them random-looking, half of them text. */
export function knownContent(address: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = (address / 4096 + 1) >>> 0
  for (let at = 0; at < length; at += 4) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes.writeInt32LE(state, at)
  }
  for (let at = 0; at < length; at += 65536) {
    bytes.fill(`page at ${address + at} of the guest; `, at, at + 32768)
  }
  return bytes
}
