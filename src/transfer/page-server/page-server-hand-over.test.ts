import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { ImageError } from '../../errors.ts'
import type { PageRange, PageStore } from '../../image/saved-machine.ts'
import { connectedPair, takeDescriptor } from '../../io/system-calls.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { postcopyStart } from '../../wire/postcopy-commands.ts'
import { packHandOver, unpackHandOver } from './hand-over.ts'
import { PageServer, type PageServerOptions } from './page-server.ts'

const PAGES = 256
const blocks = [{ name: 'r', length: PAGES * PAGE_SIZE, linearOffset: undefined }]
const state = {
  head: Buffer.from('QEVM\0\0\0\x03\x07\0\0\0\x01m', 'latin1'),
  ramSection: 2,
  sections: Buffer.from('devices'),
  tail: new Uint8Array(0),
}

/** Frames of 16 pages, every second one missing; each page is filled with its frame's number. */
const store: PageStore = {
  blocks,
  frameCount: PAGES / 32,
  range: (frame): PageRange => ({ block: 0, firstPage: frame * 32, pageCount: 16 }),
  storedLength: () => 1,
  *groups() {
    yield Uint32Array.from({ length: PAGES / 32 }, (_, frame) => frame)
  },
  place: () => assert.fail('not asked for'),
  fd: -1,
  prefetch: async () => {},
  read: async (frame) => new Uint8Array(16 * PAGE_SIZE).fill(frame + 1),
}

test('a page server continues where another stopped, on the same connection', async () => {
  const [ours, theirs] = connectedPair()
  const qemu = new Socket({ fd: theirs, readable: true, writable: true })
  let received = Buffer.alloc(0)
  qemu.on('data', (data: Buffer) => (received = Buffer.concat([received, data])))
  const options: PageServerOptions = {
    endpoint: { fd: ours },
    begin: 'start',
    rest: false,
    first: [{ block: 0, firstPage: 4, pageCount: 4 }],
    readers: 1,
    hostPageSizes: new Map(),
    onFault: assert.fail,
  }
  const first = new PageServer(store, options)
  const firstServed = first.serve(state)
  const start = postcopyStart(state, blocks, new Map()).length
  first.sendFirst()
  while (first.progress().remainingBytes > (PAGES - 4) * PAGE_SIZE) await once(qemu, 'data')
  // Another descriptor of the same connection, as in a process that inherits it.
  const copy = takeDescriptor(process.pid, ours)
  qemu.write(request(64, 'r'))
  while (first.progress().requests === 0) await once(qemu, 'data')
  // One request is incomplete when the first server stops.
  const last = request(130)
  qemu.write(last.subarray(0, 9))
  await new Promise((resolve) => setTimeout(resolve, 20))
  const handOver = unpackHandOver(packHandOver(await first.stop()))
  await firstServed
  assert.deepEqual(
    handOver.requested.map(({ firstPage }) => firstPage),
    [64],
  )
  assert.equal(handOver.returnPath.block, 'r')
  assert.equal(handOver.returnPath.rest.length, 9)
  const second = new PageServer(store, {
    ...options,
    ...{ endpoint: { fd: copy }, begin: handOver, rest: true, first: [] },
  })
  const secondServed = second.serve(state)
  qemu.write(last.subarray(9))
  while (second.progress().remainingBytes > 0) await once(qemu, 'data')
  qemu.write(Buffer.of(0, 1, 0, 4, 0, 0, 0, 0))
  await secondServed
  const pages = pagesOf(received.subarray(start))
  assert.equal(pages.size, PAGES)
  for (const [page, content] of pages)
    assert.equal(content, page % 32 < 16 ? Math.floor(page / 32) + 1 : 0, `page ${page}`)
  qemu.destroy()
})

test('a page server hands over the requests that it could not answer', async () => {
  const [ours, theirs] = connectedPair()
  const qemu = new Socket({ fd: theirs, readable: true, writable: true })
  qemu.resume()
  const faults: boolean[] = []
  const read = async (): Promise<Uint8Array> => {
    throw new ImageError('IMAGE_CORRUPT', 'It is damaged')
  }
  const server = new PageServer(
    { ...store, read },
    {
      ...{ endpoint: { fd: ours }, begin: 'start', rest: false, first: [], readers: 1 },
      hostPageSizes: new Map(),
      onFault: (_, waiting) => faults.push(waiting),
    },
  )
  const served = server.serve(state)
  qemu.write(request(64, 'r'))
  while (faults.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  const { requests, sent } = await server.stop()
  await served
  assert.deepEqual(faults, [true])
  assert.deepEqual(requests, [{ block: 'r', start: 64 * PAGE_SIZE, length: PAGE_SIZE }])
  assert.ok(sent[0]?.every((byte) => byte === 0))
  qemu.destroy()
})

/** A request of QEMU for a page; it contains a block's name only when that differs from the request before. */
function request(page: number, block?: string): Buffer {
  const name = block === undefined ? Buffer.alloc(0) : Buffer.from(`\x01${block}`, 'latin1')
  const bytes = Buffer.alloc(16)
  bytes.writeUInt16BE(block === undefined ? 4 : 3, 0)
  bytes.writeUInt16BE(12 + name.length, 2)
  bytes.writeBigUInt64BE(BigInt(page * PAGE_SIZE), 4)
  bytes.writeUInt32BE(PAGE_SIZE, 12)
  return Buffer.concat([bytes, name])
}

/** The pages in the parts of a RAM section, each with its fill byte; fails on a page that appears twice. */
function pagesOf(bytes: Buffer): ReadonlyMap<number, number> {
  const pages = new Map<number, number>()
  for (let at = 0; bytes[at] === 2;) {
    at += 5
    for (;;) {
      const word = Number(bytes.readBigUInt64BE(at))
      at += 8
      const flags = word % PAGE_SIZE
      if ((flags & 0x10) !== 0) break
      if ((flags & 0x20) === 0) at += 1 + (bytes[at] ?? 0)
      const page = Math.floor(word / PAGE_SIZE)
      assert.ok(!pages.has(page), `page ${page} came twice`)
      pages.set(page, bytes[at] ?? -1)
      at += (flags & 0x02) !== 0 ? 1 : PAGE_SIZE
    }
    at += 5
  }
  return pages
}
