import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { PathWatch } from './path-watch.ts'

const { signal } = new AbortController()

test('next() ends when the file appears, and not for another file', async () => {
  await using dir = await tempDir()
  using watch = new PathWatch(dir.join('wanted'))
  const start = performance.now()
  setTimeout(() => writeFileSync(dir.join('other'), ''), 10)
  await watch.next(150, signal)
  assert.ok(performance.now() - start > 140)
  setTimeout(() => writeFileSync(dir.join('wanted'), ''), 10)
  await watch.next(60_000, signal)
  assert.ok(performance.now() - start < 30_000)
})

test('next() ends at once when the file appeared before', async () => {
  await using dir = await tempDir()
  using watch = new PathWatch(dir.join('wanted'))
  writeFileSync(dir.join('wanted'), '')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const start = performance.now()
  await watch.next(60_000, signal)
  assert.ok(performance.now() - start < 30_000)
})

test('next() ends after its time when the directory cannot be watched, and rejects when it is aborted', async () => {
  using watch = new PathWatch('/nonexistent/wanted')
  await watch.next(1, signal)
  await assert.rejects(watch.next(60_000, AbortSignal.timeout(10)))
  await assert.rejects(watch.next(60_000, AbortSignal.abort()))
})
