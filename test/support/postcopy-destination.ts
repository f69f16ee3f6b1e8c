import assert from 'node:assert/strict'
import { type Server, type Socket, createServer } from 'node:net'
import { PAGE_SIZE } from '../../src/image/saved-machine.ts'
import { RAM_FLAG, SECTION } from '../../src/wire/stream-marks.ts'

/** Stands for a QEMU whose guest runs while its memory comes: wants each page once, and asks for pages. */
export interface PostcopyDestination extends AsyncDisposable {
  /** Memory of each block; 0xee where nothing came. */
  readonly memory: ReadonlyMap<string, Buffer>
  /** Pages in the order in which they came: block and number. */
  readonly order: readonly string[]
  /** Asks for a page, as soon as there is a connection. */
  ask(block: string, page: number): void
}

const START_MS = 300

/**
 * Listens at `path`. `start` is how many bytes come before the first page. It is slow with the
 * first page (servers start threads meanwhile), says that it is done when the end has come, and fails
 * whoever brings a page twice.
 */
export async function postcopyDestination(
  path: string,
  start: number,
  blocks: readonly { readonly name: string; readonly length: number }[],
): Promise<PostcopyDestination> {
  const memory = new Map(blocks.map(({ name, length }) => [name, Buffer.alloc(length, 0xee)]))
  const order: string[] = []
  const early: Buffer[] = []
  let connection: Socket | undefined
  const met = new Set<string>()
  const server: Server = createServer((socket) => {
    connection = socket
    for (const bytes of early) socket.write(bytes)
    let rest = Buffer.alloc(0)
    let skip = start
    let block = ''
    const take = (word: number, data: Buffer | number): void => {
      const page = Math.floor(word / PAGE_SIZE)
      assert.ok(!met.has(`${block} ${page}`), `page ${page} of ${block} comes twice`)
      met.add(`${block} ${page}`)
      order.push(`${block} ${page}`)
      memory.get(block)?.fill(data, page * PAGE_SIZE, (page + 1) * PAGE_SIZE)
    }
    /** Takes one thing from the front; `false` when it is not there whole. */
    let inSection = false
    const step = (): boolean => {
      if (!inSection) {
        const [mark] = rest
        if (mark === SECTION.END_OF_STREAM) {
          rest = rest.subarray(1)
          socket.write(Buffer.from('0001000400000000', 'hex'))
          return true
        }
        if (mark === undefined || rest.length < 5) return false
        assert.ok(mark === SECTION.PART || mark === SECTION.END, `section ${mark}`)
        rest = rest.subarray(5)
        inSection = true
        return true
      }
      if (rest.length < 8) return false
      const word = Number(rest.readBigUInt64BE(0))
      const flags = word % PAGE_SIZE
      if (flags === RAM_FLAG.EOS) {
        if (rest.length < 13) return false
        assert.equal(rest[8], SECTION.FOOTER)
        rest = rest.subarray(13)
        inSection = false
        return true
      }
      let at = 8
      let name = block
      if ((flags & RAM_FLAG.CONTINUE) === 0) {
        if (rest.length < 9 || rest.length < 9 + (rest[8] as number)) return false
        at = 9 + (rest[8] as number)
        name = rest.toString('utf8', 9, at)
      }
      const length = (flags & RAM_FLAG.ZERO) === 0 ? PAGE_SIZE : 1
      if (rest.length < at + length) return false
      block = name
      take(word, length === 1 ? 0 : rest.subarray(at, at + length))
      rest = rest.subarray(at + length)
      return true
    }
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      if (skip > 0) {
        socket.pause()
        setTimeout(() => socket.resume(), START_MS)
      }
      const skipped = Math.min(skip, bytes.length)
      skip -= skipped
      rest = Buffer.concat([rest, bytes.subarray(skipped)])
      while (step());
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return {
    memory,
    order,
    ask: (block, page) => {
      const bytes = Buffer.alloc(4 + 13 + block.length)
      bytes.writeUInt16BE(3, 0)
      bytes.writeUInt16BE(bytes.length - 4, 2)
      bytes.writeBigUInt64BE(BigInt(page * PAGE_SIZE), 4)
      bytes.writeUInt32BE(PAGE_SIZE, 12)
      bytes.writeUInt8(block.length, 16)
      bytes.write(block, 17)
      if (connection === undefined) early.push(bytes)
      else connection.write(bytes)
    },
    async [Symbol.asyncDispose]() {
      connection?.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
