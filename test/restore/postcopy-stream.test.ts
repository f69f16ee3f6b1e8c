import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ImageError, type StasisError } from '../../src/errors.ts'
import type { PageRange, PageStore } from '../../src/image/saved-machine.ts'
import { PageServer, type PageServerOptions } from '../../src/transfer/page-server/page-server.ts'
import type { DeviceState } from '../../src/wire/device-state.ts'
import { PAGE_SIZE } from '../../src/wire/page-size.ts'
import { FakePostcopy } from '../support/fake-postcopy.ts'
import { tempDir } from '../support/temp-dir.ts'

const RAM_PAGES = 4096
const UNIT_PAGES = 512
const FRAME_PAGES = 32
const blocks = [
  { name: 'pc.ram', length: RAM_PAGES * PAGE_SIZE, linearOffset: undefined },
  { name: 'rom', length: 5 * PAGE_SIZE, linearOffset: undefined },
  { name: 'nothing', length: 3 * PAGE_SIZE, linearOffset: undefined },
]
const state: DeviceState = {
  head: Buffer.from('5145564d00000003', 'hex'),
  ramSection: 2,
  sections: Buffer.from('the devices'),
  tail: new Uint8Array(),
}

/** Three quarters of `pc.ram` in frames, the whole ROM, and a block of zeros. */
class Store implements PageStore {
  readonly blocks = blocks
  readonly #frames: readonly PageRange[] = [
    ...Array.from({ length: RAM_PAGES / FRAME_PAGES }, (_, at) => at)
      .filter((at) => at % 4 !== 3)
      .map((at) => ({ block: 0, firstPage: at * FRAME_PAGES, pageCount: FRAME_PAGES })),
    { block: 1, firstPage: 0, pageCount: 5 },
  ]
  /** Frames that do not match their checksums. */
  readonly #bad: ReadonlySet<number>
  readonly frameCount = this.#frames.length
  constructor(bad: readonly number[] = []) {
    this.#bad = new Set(bad)
  }
  range(index: number): PageRange {
    return this.#frames[index]!
  }
  storedLength(): number {
    return 1
  }
  *groups(): Generator<Uint32Array, void, undefined> {
    yield Uint32Array.from(this.#frames.keys())
  }
  readonly fd = -1
  place(): never {
    throw new Error('not asked for')
  }
  async prefetch(): Promise<void> {
    await Promise.resolve()
  }
  async read(index: number): Promise<Uint8Array> {
    await Promise.resolve()
    if (this.#bad.has(index)) throw new ImageError('IMAGE_CORRUPT', `frame ${index} is damaged`)
    const { block, firstPage, pageCount } = this.range(index)
    const pages = Array.from({ length: pageCount }, (_, at) => content(block, firstPage + at))
    return Buffer.concat(pages)
  }
}

function content(block: number, page: number): Buffer {
  const zero = block === 2 || (block === 0 && Math.floor(page / FRAME_PAGES) % 4 === 3)
  return Buffer.alloc(PAGE_SIZE, zero ? 0 : 1 + ((block * 100 + page) % 255))
}

function assertContent(qemu: FakePostcopy): void {
  for (const [block, { name }] of blocks.entries())
    for (const [page, bytes] of (qemu.pages.get(name) ?? []).entries())
      if (bytes?.equals(content(block, page)) !== true) assert.fail(`page ${page} of ${name}`)
}

function server(store: Store, path: string, more: Partial<PageServerOptions> = {}) {
  return new PageServer(store, {
    endpoint: { path },
    begin: 'start',
    rest: true,
    first: [],
    readers: 2,
    hostPageSizes: new Map(),
    onFault: (error) => assert.fail(error.message),
    ...more,
  })
}

const HUGE = new Map([['pc.ram', UNIT_PAGES * PAGE_SIZE]])

describe('PageServer', { concurrency: true, timeout: 30_000 }, () => {
  for (const [what, hostPageSizes] of [
    ['', new Map<string, number>()],
    [' of huge pages', HUGE],
  ] as const) {
    test(`discards each block before LISTEN and sends each page${what} once, whatever is requested`, async () => {
      await using dir = await tempDir()
      const path = dir.join('socket')
      await using qemu = await FakePostcopy.listen(path, state, blocks, hostPageSizes)
      let asked = 0
      // Pages that were sent, that are being sent and that will be sent; several pages, and the last of a block.
      qemu.onPage = (block, page) => {
        if (block !== 'pc.ram' || page % 61 !== 0) return
        for (const wanted of [page, page + 1, (page * 7) % RAM_PAGES, RAM_PAGES - 1 - page]) {
          qemu.ask(block, Math.min(wanted, RAM_PAGES - 4), 1 + (asked % 4))
          asked += 1
        }
        qemu.ask('rom', page % 5)
        qemu.ask('nothing', page % 3)
      }
      const first = [
        { block: 0, firstPage: 100, pageCount: 40 },
        { block: 0, firstPage: 120, pageCount: 40 },
        { block: 1, firstPage: 3, pageCount: 90 },
        { block: 0, firstPage: 100, pageCount: 40 },
      ]
      const [end] = await Promise.all([
        qemu.serve(),
        server(new Store(), path, { first, hostPageSizes }).serve(state),
      ])
      assert.equal(end, 'complete')
      assert.ok(asked > 100)
      assertContent(qemu)
    })
  }

  test('that takes over sends each page that QEMU lacks, once, and loses none', async () => {
    await using dir = await tempDir()
    const path = dir.join('socket')
    await using qemu = await FakePostcopy.listen(path, state, blocks)
    // Three that end one after the other, at any point.
    for (const most of [200, 1500, 3000]) {
      qemu.onPage = () => {
        if (qemu.order.length >= most) qemu.hangUp()
      }
      const recover = qemu.order.length > 0
      const served = server(new Store(), path, { begin: recover ? 'recover' : 'start' }).serve(
        state,
      )
      await Promise.all([qemu.serve({ recover }), assert.rejects(served, { code: 'QEMU_DIED' })])
    }
    qemu.onPage = () => undefined
    const last = server(new Store(), path, { begin: 'recover' })
    await Promise.all([qemu.serve({ recover: true }), last.serve(state)])
    assertContent(qemu)
  })

  for (const asks of [true, false]) {
    test(`sends nothing of a bad frame ${asks ? 'that a processor waits for' : 'that was not requested'}, reports it, and answers other requests for a while`, async () => {
      await using dir = await tempDir()
      const path = dir.join('socket')
      const bad = new Store([5])
      const { firstPage, pageCount } = bad.range(5)
      await using qemu = await FakePostcopy.listen(path, state, blocks)
      const faults: [StasisError, boolean][] = []
      qemu.onPage = () => {
        if (asks && qemu.order.length === 1) qemu.ask('pc.ram', firstPage + 3)
      }
      const serving = server(bad, path, {
        // The guest requests it only after the first page, and nothing else does.
        first: asks ? [{ block: 1, firstPage: 0, pageCount: 5 }] : [],
        rest: !asks,
        onFault: (error, waiting) => faults.push([error, waiting]),
      })
      serving.sendFirst()
      const ended = assert.rejects(serving.serve(state), { code: 'IMAGE_CORRUPT' })
      let over = false
      const served = qemu.serve().finally(() => (over = true))
      while (faults.length === 0 && !over) await delay(5)
      qemu.ask('pc.ram', RAM_PAGES - 40)
      await Promise.all([ended, served])
      assert.deepEqual(
        faults.map(([{ code }, waiting]) => [code, waiting]),
        [['IMAGE_CORRUPT', asks]],
      )
      const received = qemu.pages.get('pc.ram')?.slice(firstPage, firstPage + pageCount)
      assert.deepEqual(
        received?.filter((page) => page !== undefined),
        [],
        'no page of the bad frame came',
      )
      assert.ok(qemu.pages.get('pc.ram')?.[RAM_PAGES - 40], 'another page came')
    })
  }

  test('reports that nothing waits when only pages behind the requested one are bad', async () => {
    await using dir = await tempDir()
    const path = dir.join('socket')
    const bad = new Store([5])
    const { firstPage } = bad.range(5)
    await using qemu = await FakePostcopy.listen(path, state, blocks)
    const faults: boolean[] = []
    qemu.onPage = () => {
      if (qemu.order.length === 1) qemu.ask('pc.ram', firstPage - 1)
    }
    const serving = server(bad, path, {
      first: [{ block: 1, firstPage: 0, pageCount: 5 }],
      rest: false,
      onFault: (_, waiting) => faults.push(waiting),
    })
    serving.sendFirst()
    const ended = assert.rejects(serving.serve(state), { code: 'IMAGE_CORRUPT' })
    await Promise.all([ended, qemu.serve()])
    assert.deepEqual(faults, [false])
    assert.ok(qemu.pages.get('pc.ram')?.[firstPage - 1], 'the page came')
  })
})
