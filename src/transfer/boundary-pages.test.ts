import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BoundaryPages } from './boundary-pages.ts'

test('BoundaryPages.matches() only the content that was recorded for the page', () => {
  const pages = new BoundaryPages()
  pages.remember(0, 7, Buffer.alloc(4096, 1))
  assert.ok(pages.matches(0, 7, Buffer.alloc(4096, 1)))
  assert.ok(!pages.matches(0, 7, Buffer.alloc(4096, 2)))
  assert.ok(!pages.matches(1, 7, Buffer.alloc(4096, 1)))
})

test('BoundaryPages drops the oldest, so that it stays small', () => {
  const pages = new BoundaryPages()
  const bytes = Buffer.alloc(4096)
  for (let page = 0; page < 10_000; page += 1) pages.remember(0, page, bytes)
  assert.ok(!pages.matches(0, 0, bytes))
  assert.ok(pages.matches(0, 9_999, bytes))
})
