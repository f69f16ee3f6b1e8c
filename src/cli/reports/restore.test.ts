import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RestoreResult } from '../../domain/restore/restore-request.ts'
import { restoreReport } from './restore.ts'

const result: RestoreResult = {
  ...({ format: 'raw', state: 'running', mode: 'load' } as const),
  ...{ name: 'web', uuid: 'u', id: 1, path: '/a.save' },
  ...{ modeReason: 'it was asked for', ramBytes: 0, throughputBytesPerSecond: 0 },
  timing: {
    ...{ totalMs: 1, startMs: 1, loadMs: 1, resumeMs: 1, deviceStateMs: 1 },
    ...{ firstOutputMs: undefined, allRamMs: 1 },
  },
}

test('restoreReport() has the first line of the verb that restores above the facts', () => {
  assert.equal(restoreReport(result, { verbose: false }).text, 'Domain restored from /a.save')
  const text = "Domain 'web' started from its managed save"
  assert.equal(restoreReport(result, { verbose: false, text }).text, text)
  const [first, second] = restoreReport(result, { verbose: true, text }).text.split('\n')
  assert.equal(first, text)
  assert.match(second ?? '', /^Domain: +web, running$/)
})
