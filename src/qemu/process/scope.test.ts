import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scopeCall } from './scope.ts'

test('scopeCall() asks for a scope of the domain in machine.slice, with an escaped name', () => {
  const call = scopeCall('web-1 ü', [42])
  assert.ok(call.includes('stasis-web\\x2d1\\x20\\xc3\\xbc.scope'), call.join(' '))
  assert.deepEqual(call.slice(call.indexOf('PIDs')), ['PIDs', 'au', '1', '42', '0'])
  assert.deepEqual(call.slice(call.indexOf('Slice'), call.indexOf('Slice') + 3), [
    'Slice',
    's',
    'machine.slice',
  ])
})
