import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type Server, type Socket, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { RamBlock } from '../../src/image/saved-machine.ts'
import { PAGE_SIZE } from '../../src/wire/page-size.ts'

/** The parts of QEMU's stream (migration/savevm.c, migration/ram.c, tried with 7.2, 10.0 and 11.1). */
const COMMAND = { ADVISE: 3, LISTEN: 4, RUN: 5, RAM_DISCARD: 6, PACKAGED: 7, RESUME: 9, BITMAP: 10 }
const FLAG = { ZERO: 2, MEM_SIZE: 4, PAGE: 8, EOS: 16, CONTINUE: 32 }

/**
 * Acts as a QEMU whose guest runs while its memory arrives, but is stricter. It fails if a block was not discarded before LISTEN,
 * if a page arrives before that or twice, if a host page arrives incomplete, and if a page is missing at the end.
 */
export class FakePostcopy implements AsyncDisposable {
  /** Content of each page by block; `undefined` until it has arrived. */
  readonly pages: ReadonlyMap<string, (Buffer | undefined)[]>
  /** Pages in the order of their arrival, as `block page`. */
  readonly order: string[] = []
  /** How long it takes over the first page, so that its source can get ready. */
  firstPageMs = 0
  /** Called for each page that arrives. */
  onPage: (block: string, page: number) => void = () => undefined
  readonly #server: Server
  readonly #head: Uint8Array
  readonly #sections: Uint8Array
  readonly #hostPages: ReadonlyMap<string, number>
  readonly #discarded = new Set<string>()
  #socket: Socket | undefined
  #bytes: AsyncIterator<Buffer> | undefined
  #rest = Buffer.alloc(0)
  #block = ''
  #listens = false
  /** Requests from before there was a connection. */
  readonly #early: Buffer[] = []

  private constructor(
    server: Server,
    machine: { readonly head: Uint8Array; readonly sections: Uint8Array },
    blocks: readonly RamBlock[],
    hostPages: ReadonlyMap<string, number>,
  ) {
    this.#server = server
    this.#head = machine.head
    this.#sections = machine.sections
    this.#hostPages = hostPages
    this.pages = new Map(
      blocks.map(({ name, length }) => [
        name,
        Array.from({ length: length / PAGE_SIZE }, () => undefined),
      ]),
    )
  }

  /** Listens on `path`. */
  static async listen(
    path: string,
    machine: { readonly head: Uint8Array; readonly sections: Uint8Array },
    blocks: readonly RamBlock[],
    hostPages: ReadonlyMap<string, number> = new Map(),
  ): Promise<FakePostcopy> {
    const server = createServer({ pauseOnConnect: true })
    server.listen(path)
    await once(server, 'listening')
    return new FakePostcopy(server, machine, blocks, hostPages)
  }

  /** Reads one connection to its end, or until it is closed; `recover`: from a source that takes over. */
  async serve(options: { readonly recover?: boolean } = {}): Promise<'complete' | 'hung up'> {
    const [socket] = (await once(this.#server, 'connection')) as [Socket]
    this.#socket = socket
    for (const message of this.#early.splice(0)) socket.write(message)
    socket.on('error', () => undefined)
    this.#bytes = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    this.#rest = Buffer.alloc(0)
    if (options.recover !== true)
      assert.deepEqual(await this.#take(this.#head.length), Buffer.from(this.#head))
    try {
      while (await this.#section());
      this.#send(1, u32(0))
      await once(socket, 'close')
      return 'complete'
    } catch (error) {
      if (error === HUNG_UP) return 'hung up'
      throw error
    } finally {
      socket.destroy()
    }
  }

  /** Requests pages, as a waiting processor does, as soon as there is a connection. */
  ask(block: string, page: number, count = 1): void {
    this.#send(3, u64(page * PAGE_SIZE), u32(count * PAGE_SIZE), text(block))
  }

  hangUp(): void {
    this.#socket?.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp()
    this.#server.close()
    await once(this.#server, 'close')
  }

  /** Reads one section; returns whether others follow. */
  async #section(): Promise<boolean> {
    const type = await this.#number(1)
    if (type === 0) {
      for (const [block, pages] of this.pages)
        assert.equal(pages.indexOf(undefined), -1, `a page of ${block} never came`)
      return false
    }
    if (type === 8) await this.#command()
    else if (type === 1) await this.#start()
    else {
      assert.ok(type === 2 || type === 3, `section type ${type}`)
      const section = await this.#number(4)
      while (await this.#record());
      await this.#footer(section)
    }
    return true
  }

  async #command(): Promise<void> {
    const [code, length] = [await this.#number(2), await this.#number(2)]
    if (code === COMMAND.RAM_DISCARD) {
      await this.#number(1)
      const name = await this.#text()
      await this.#number(1)
      const [start, end] = [await this.#number(8), await this.#number(8)]
      assert.equal(this.#listens, false, 'a discard comes before LISTEN')
      assert.deepEqual([start, end], [0, this.#pagesOf(name).length * PAGE_SIZE])
      this.#discarded.add(name)
    } else if (code === COMMAND.LISTEN) {
      const missing = [...this.pages.keys()].filter((name) => !this.#discarded.has(name))
      assert.deepEqual(missing, [], 'blocks that were not discarded before LISTEN')
      this.#listens = true
    } else if (code === COMMAND.PACKAGED) {
      await this.#number(4)
      await this.#section()
      const sections = await this.#take(this.#sections.length)
      assert.deepEqual(sections, Buffer.from(this.#sections))
      await this.#section()
    } else if (code === COMMAND.BITMAP) {
      await this.#sendBitmap(await this.#text())
    } else if (code === COMMAND.RESUME) {
      this.#send(6, u32(1))
      this.#listens = true
    } else {
      await this.#take(length)
    }
  }

  async #start(): Promise<void> {
    const section = await this.#number(4)
    assert.equal(await this.#text(), 'ram')
    await this.#take(8)
    const total = (await this.#number(8)) - FLAG.MEM_SIZE
    for (let sum = 0; sum < total;) {
      const name = await this.#text()
      const length = await this.#number(8)
      assert.equal(length, this.#pagesOf(name).length * PAGE_SIZE)
      if (this.#hostPages.has(name)) assert.equal(await this.#number(8), this.#hostPages.get(name))
      sum += length
    }
    assert.equal(await this.#number(8), FLAG.EOS)
    await this.#footer(section)
  }

  /** Reads one page; returns whether others follow. */
  async #record(): Promise<boolean> {
    const word = await this.#number(8)
    const flags = word % PAGE_SIZE
    if (flags === FLAG.EOS) return false
    if ((flags & FLAG.CONTINUE) === 0) this.#block = await this.#text()
    assert.ok(this.#listens, 'a page comes after LISTEN')
    if (this.order.length === 0 && this.firstPageMs > 0) await delay(this.firstPageMs)
    const page = (word - flags) / PAGE_SIZE
    const zero = (flags & FLAG.ZERO) !== 0
    const content = zero ? Buffer.alloc(PAGE_SIZE) : await this.#take(PAGE_SIZE)
    if (zero) await this.#number(1)
    const pages = this.#pagesOf(this.#block)
    assert.ok(page < pages.length, `page ${page} is in ${this.#block}`)
    assert.equal(pages[page], undefined, `page ${page} of ${this.#block} comes once`)
    const unit = (this.#hostPages.get(this.#block) ?? PAGE_SIZE) / PAGE_SIZE
    if (page % unit !== 0)
      assert.equal(this.order.at(-1), `${this.#block} ${page - 1}`, 'a host page comes in one run')
    pages[page] = content
    this.order.push(`${this.#block} ${page}`)
    this.onPage(this.#block, page)
    return true
  }

  async #footer(section: number): Promise<void> {
    assert.equal(await this.#number(1), 0x7e)
    assert.equal(await this.#number(4), section)
  }

  async #sendBitmap(name: string): Promise<void> {
    const pages = this.#pagesOf(name)
    const bits = Buffer.alloc(Math.ceil(pages.length / 64) * 8)
    for (const [page, content] of pages.entries())
      if (content !== undefined) bits[page >> 3] = (bits[page >> 3] ?? 0) | (1 << (page & 7))
    this.#send(5, text(name))
    this.#socket?.write(Buffer.concat([u64(bits.length), bits, u64(0x0123456789abcdefn)]))
    await Promise.resolve()
  }

  #pagesOf(name: string): (Buffer | undefined)[] {
    return this.pages.get(name) ?? assert.fail(`there is no block ${name}`)
  }

  #send(type: number, ...parts: readonly Buffer[]): void {
    const payload = Buffer.concat(parts)
    const head = Buffer.alloc(4)
    head.writeUInt16BE(type, 0)
    head.writeUInt16BE(payload.length, 2)
    const message = Buffer.concat([head, payload])
    if (this.#socket === undefined) this.#early.push(message)
    else this.#socket.write(message)
  }

  async #number(length: 1 | 2 | 4 | 8): Promise<number> {
    const bytes = await this.#take(length)
    return length === 8 ? Number(bytes.readBigUInt64BE()) : bytes.readUIntBE(0, length)
  }

  async #text(): Promise<string> {
    return (await this.#take(await this.#number(1))).toString()
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#rest.length < length) {
      const next = await this.#bytes?.next().catch(() => undefined)
      if (next === undefined || next.done === true) throw HUNG_UP
      this.#rest = Buffer.concat([this.#rest, next.value])
    }
    const taken = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return taken
  }
}

const HUNG_UP = new Error('The source hung up')

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.of(Buffer.byteLength(value)), Buffer.from(value)])
}
