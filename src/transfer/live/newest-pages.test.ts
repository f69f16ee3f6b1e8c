import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import type { MachineWriter } from '../convert/machine-writer.ts'
import { NewestPages } from './newest-pages.ts'

const page = (value: number): Uint8Array => new Uint8Array(PAGE_SIZE).fill(value)

/** A writer that notes the first byte of each page, as `block:page:byte`. */
function noting(notes: string[]): MachineWriter {
  return {
    fileBytes: 0,
    begin: () => Promise.resolve(),
    async add(block, firstPage, bytes): Promise<void> {
      await Promise.resolve()
      for (let at = 0; at < bytes.length; at += PAGE_SIZE)
        notes.push(`${block}:${firstPage + at / PAGE_SIZE}:${bytes[at]}`)
    },
    publish: () => Promise.resolve(0),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

for (const directory of [undefined, tmpdir()]) {
  test(`NewestPages keeps the newest version of each page, ${directory === undefined ? 'in memory' : 'in a file'}`, async () => {
    using pages = new NewestPages(directory)
    pages.begin([
      { name: 'a', length: 8 * PAGE_SIZE },
      { name: 'b', length: 600 * PAGE_SIZE },
    ])
    for (const at of [0, 1, 2]) pages.put(0, at, page(1))
    await pages.flush()
    pages.put(0, 1, page(2))
    // Twice between two flushes.
    pages.put(1, 599, page(3))
    pages.put(1, 599, page(4))
    pages.zeros(0, 2, 4)
    await pages.flush()
    pages.zeros(1, 0, 10)
    pages.put(1, 5, page(5))
    await pages.flush()
    const notes: string[] = []
    await pages.copyTo(noting(notes), new AbortController().signal)
    assert.deepEqual(notes.toSorted(), ['0:0:1', '0:1:2', '1:599:4', '1:5:5'].toSorted())
    assert.deepEqual([pages.contentBytes / PAGE_SIZE, pages.putBytes / PAGE_SIZE], [4, 7])
    assert.throws(() => pages.put(0, 8, page(1)), { code: 'QEMU_STREAM' })
    assert.throws(() => pages.zeros(1, 590, 20), { code: 'QEMU_STREAM' })
  })
}
