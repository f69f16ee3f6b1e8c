import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RestoreResult } from '../../domain/restore/restore-request.ts'
import { restoreReport } from './restore.ts'

const result: RestoreResult = {
  ...({ format: 'raw', state: 'running', mode: 'load' } as const),
  ...{ name: 'web', uuid: 'u', id: 1, path: '/a.save' },
  ...{
    modeReason: 'it was asked for',
    imageNeeded: undefined,
    ramBytes: 2 ** 30,
    throughputBytesPerSecond: 0,
  },
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

test('restoreReport() says which file the guest still needs, and until when', () => {
  const lines = (more: Partial<RestoreResult>, managed = false): string | undefined =>
    restoreReport({ ...result, ...more }, { verbose: false, managed }).text.split('\n')[2]
  const path = '/a.save'
  assert.equal(lines({}), undefined)
  assert.equal(
    lines({ imageNeeded: { path, until: 'memory-loaded', kept: undefined } }),
    "The memory of 'web' is still being loaded: keep /a.save until then (`stasis dominfo web` shows the rest)",
  )
  assert.match(
    lines({ imageNeeded: { path, until: 'memory-loaded', kept: `${path}.kept-1` } }) ?? '',
    /\/a\.save\.kept-1 keeps the file until then/,
  )
  assert.match(
    lines({ imageNeeded: { path, until: 'memory-loaded', kept: undefined } }, true) ?? '',
    /Stasis removes \/a\.save then/,
  )
  assert.match(
    lines({ imageNeeded: { path, until: 'guest-ends', kept: undefined } }) ?? '',
    /read from \/a\.save until the guest ends: do not change that file/,
  )
})
