import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RestoreResult } from '../../domain/restore/restore-request.ts'
import { restoreReport } from './restore.ts'

const result: RestoreResult = {
  ...({ format: 'raw', state: 'running', mode: 'load' } as const),
  ...{ name: 'web', uuid: 'u', id: 1, path: '/a.save' },
  ...{ modeReason: 'it was asked for', ramBytes: 2 ** 30, throughputBytesPerSecond: 0 },
  timing: {
    ...{ totalMs: 2000, startMs: 1, loadMs: 1, resumeMs: 1, deviceStateMs: 1 },
    ...{ firstOutputMs: undefined, allRamMs: 1 },
  },
}

test('restoreReport() has the first line of the verb that restores above the facts', () => {
  const plain = restoreReport(result, { verbose: false }).text
  assert.equal(plain, 'Domain restored from /a.save\n1.0 GiB of memory in 2.00 s, 512 MiB/s')
  const text = "Domain 'web' started from its managed save"
  assert.match(restoreReport(result, { verbose: false, text }).text, new RegExp(`^${text}\n`))
  const [first, second] = restoreReport(result, { verbose: true, text }).text.split('\n')
  assert.equal(first, text)
  assert.match(second ?? '', /^Domain: +web, running$/)
})

test('restoreReport() says where memory still comes from', () => {
  const timing = { ...result.timing, allRamMs: undefined }
  const lazy = restoreReport({ ...result, timing, mode: 'lazy' }, { verbose: false }).text
  assert.match(lazy, /ready after 2\.00 s; the rest is still being loaded from \/a\.save/)
  const mapped = restoreReport({ ...result, timing, mode: 'map' }, { verbose: false }).text
  assert.match(mapped, /it reads its memory from \/a\.save as long as it runs/)
})
