import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { test } from 'node:test'
import { spawnDetached } from './spawn-detached.ts'

test('spawnDetached() refuses a closed descriptor, instead of waiting until the program ends', async () => {
  const fd = openSync('/dev/null', 'r')
  closeSync(fd)
  const startMs = performance.now()
  const started = spawnDetached('/bin/sleep', ['10'], 'ignore', [fd, fd + 1], { env: {} })
  await assert.rejects(started, { code: 'QEMU_START_FAILED' })
  assert.ok(performance.now() - startMs < 5000)
})
