import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { FakePostcopy } from '../../../test/support/fake-postcopy.ts'
import { testPageStore } from '../../../test/support/page-store.ts'
import { TEST_HEAD, TEST_SECTIONS, TEST_TAIL } from '../../../test/support/stasis-image.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { type StasisError } from '../../errors.ts'
import type { PageRange } from '../../image/saved-machine.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { PageServer, type PageServerOptions } from './page-server.ts'

const state = { head: TEST_HEAD, ramSection: 2, sections: TEST_SECTIONS, tail: TEST_TAIL }
const blocks = [
  { name: 'pc.ram', pageCount: 12288 },
  { name: 'zero', pageCount: 16 },
  { name: 'rom', pageCount: 8 },
]
/** Enough of them for threads, of several lengths, and out of order. */
const frames: readonly PageRange[] = [
  { block: 2, firstPage: 1, pageCount: 4 },
  ...Array.from({ length: 1100 }, (_, frame) => ({
    block: 0,
    firstPage: ((frame * 17) % 1100) * 10,
    pageCount: 1 + (frame % 7),
  })),
]

/** Threads have started by then. */
const FIRST_PAGE_MS = 300

let running = 0
let started = 0
process.on('worker', (worker) => {
  started += 1
  running += 1
  worker.once('exit', () => (running -= 1))
})

function assertNoThreads(): void {
  assert.equal(running, 0)
}

interface Served {
  readonly destination: FakePostcopy
  readonly server: PageServer
  readonly fault: { readonly error: StasisError; readonly waiting: boolean } | undefined
}

async function serve(
  codec: 'none' | 'zstd',
  options: Partial<PageServerOptions> & { readonly damage?: number } = {},
  meanwhile: (served: Served) => unknown = () => undefined,
): Promise<void> {
  await using dir = await tempDir()
  const { damage } = options
  const how = damage === undefined ? { codec } : { codec, damage }
  await using store = await testPageStore(dir.join('f'), blocks, frames, how)
  const { pages, memory } = store
  const hostPageSizes = options.hostPageSizes ?? new Map<string, number>()
  await using destination = await FakePostcopy.listen(
    dir.join('s'),
    state,
    pages.blocks,
    hostPageSizes,
  )
  destination.firstPageMs = FIRST_PAGE_MS
  let fault: Served['fault']
  const server = new PageServer(pages, {
    ...{ endpoint: { path: dir.join('s') }, begin: 'start', rest: true, first: [], readers: 3 },
    hostPageSizes,
    ...options,
    onFault: (error, waiting) => (fault ??= { error, waiting }),
  })
  const served = {
    ...{ destination, server },
    get fault() {
      return fault
    },
  }
  await Promise.all([
    server.serve(state).finally(assertNoThreads),
    meanwhile(served),
    destination.serve(),
  ])
  assert.equal(server.progress().remainingBytes, 0)
  for (const [block, { name }] of blocks.entries()) {
    const pages = destination.pages.get(name)?.map((page) => page ?? Buffer.alloc(0)) ?? []
    assert.ok(Buffer.concat(pages).equals(memory[block]!), name)
  }
}

for (const codec of ['zstd', 'none'] as const) {
  test(`serve() sends every page once from frames of ${codec}`, async () => {
    const before = started
    await serve(codec)
    assert.equal(started > before, codec === 'zstd')
  })

  test(`serve() sends every page once from frames of ${codec} while all kinds of pages are requested`, async () => {
    await serve(codec, {}, async ({ destination, server }) => {
      for (let asked = 0; asked < 400; asked += 1) {
        if (asked % 9 === 0) destination.ask('rom', asked % 8)
        else destination.ask('pc.ram', (asked * 257) % 8192)
        if (asked % 20 === 0) await delay(asked === 200 ? 130 : 2)
      }
      assert.ok(server.progress().requests > 0)
    })
  })

  test(`serve() sends the first ranges in their order from frames of ${codec}`, async () => {
    // Long enough to start threads.
    const first = Array.from({ length: 12288 / 8 }, (_, range) => ({
      ...{ block: 0, firstPage: ((range * 31) % 1536) * 8, pageCount: 8 },
    }))
    let order: readonly string[] = []
    await serve(codec, { first }, ({ destination }) => {
      order = destination.order
    })
    const firsts = order
      .filter((page) => page.startsWith('pc.ram'))
      .map((page) => Number(page.slice(7)))
    const expected = first.flatMap(({ firstPage }) =>
      Array.from({ length: 8 }, (_, page) => firstPage + page),
    )
    assert.deepEqual(firsts, expected)
  })

  test(`serve() sends whole host pages from frames of ${codec}`, async () => {
    const hostPageSizes = new Map([['pc.ram', 512 * PAGE_SIZE]])
    await serve(codec, { hostPageSizes }, ({ destination }) => {
      for (const page of [8191, 600, 30]) destination.ask('pc.ram', page)
      return delay(100).then(() => {
        const ram = destination.order.filter((page) => page.startsWith('pc.ram'))
        ram.forEach((page, position) => {
          if (position % 512 !== 0)
            assert.equal(Number(page.slice(7)), Number(ram[position - 1]?.slice(7)) + 1)
        })
      })
    })
  })
}

test('serve() without rest answers requests and sends the first ranges after sendFirst(), and no more', async () => {
  const stop = new AbortController()
  const first = [{ block: 0, firstPage: 700, pageCount: 16 }]
  const options = { rest: false, first, signal: stop.signal }
  const before = started
  const work = serve('zstd', options, async ({ destination, server }) => {
    destination.ask('pc.ram', 5600)
    while (destination.order.length < 16) await delay(5)
    await delay(50)
    assert.equal(destination.order.length, 16)
    server.sendFirst()
    while (destination.order.length < 32) await delay(5)
    await delay(200)
    assert.equal(destination.order.length, 32)
    assert.equal(destination.pages.get('pc.ram')?.[5600]?.[0], 'p'.charCodeAt(0))
    stop.abort()
  })
  await assert.rejects(work, { code: 'CANCELLED' })
  assert.equal(started, before)
})

test('serve() answers for a while after it found a damaged frame that was not requested, then throws its error', async () => {
  let seen: Served | undefined
  const work = serve('zstd', { damage: 900 }, async (served) => {
    seen = served
    while (served.fault === undefined) await delay(5)
    const { destination } = served
    destination.ask('pc.ram', 8190)
    for (const deadline = performance.now() + 2000; performance.now() < deadline;) {
      if (destination.order.includes('pc.ram 8190')) return
      await delay(5)
    }
    assert.fail('nobody answers')
  })
  await assert.rejects(work, { code: 'IMAGE_CORRUPT', message: /is damaged: frame \d+ \(pages/ })
  assert.equal(seen?.fault?.waiting, false)
})
