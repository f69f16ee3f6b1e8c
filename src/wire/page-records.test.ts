import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ramPages } from './incoming-stream.ts'
import { PAGE_RECORD_LENGTH, makePageRecords, pagesInRecords, recordsPart } from './page-records.ts'

const PAGE_SIZE = 4096
const COUNT = 5
const FIRST_PAGE = 0x1f_fffe
const pages = Buffer.concat(
  Array.from({ length: COUNT }, (_, page) => Buffer.alloc(PAGE_SIZE, `page ${page}, `)),
)

function part(from: number, end: number, records: Buffer): Buffer {
  const some = records.subarray(from * PAGE_RECORD_LENGTH, end * PAGE_RECORD_LENGTH)
  return Buffer.concat(recordsPart(3, 'pc.ram', FIRST_PAGE + from, some))
}

for (const [where, inside] of [
  ['at the end of their records', true],
  ['elsewhere', false],
] as const) {
  test(`makePageRecords() makes the same records of pages ${where} as ramPages(), whole or in part`, () => {
    const records = Buffer.alloc(COUNT * PAGE_RECORD_LENGTH, 0xee)
    if (inside) pages.copy(pagesInRecords(records))
    makePageRecords(records, FIRST_PAGE, inside ? undefined : pages)
    for (const [from, end] of [
      [0, COUNT],
      [1, 4],
      [4, 5],
    ] as const) {
      const some = pages.subarray(from * PAGE_SIZE, end * PAGE_SIZE)
      assert.ok(part(from, end, records).equals(ramPages(3, 'pc.ram', FIRST_PAGE + from, some)))
    }
  })
}
