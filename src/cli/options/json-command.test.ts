import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonCommand } from './json-command.ts'

test('jsonCommand() reads JSON, a name, and a name with arguments', () => {
  assert.deepEqual(jsonCommand(['{"execute":"query-status"}']), { execute: 'query-status' })
  assert.deepEqual(jsonCommand(['{"execute":"stop",', '"arguments":{"a":1}}']), {
    execute: 'stop',
    arguments: { a: 1 },
  })
  assert.deepEqual(jsonCommand(['query-status']), { execute: 'query-status' })
  assert.deepEqual(jsonCommand(['qom-get', '"path":"/",', '"property":"type"']), {
    execute: 'qom-get',
    arguments: { path: '/', property: 'type' },
  })
  assert.deepEqual(jsonCommand(['qom-get', '{"path":"/"}']), {
    execute: 'qom-get',
    arguments: { path: '/' },
  })
})

test('jsonCommand() throws BAD_ARGUMENT for anything else', () => {
  for (const words of [
    ['{'],
    ['{"arguments":{}}'],
    ['{"execute":7}'],
    ['query-status', 'now'],
    ['[1]', '[2]'],
  ])
    assert.throws(() => jsonCommand(words), { code: 'BAD_ARGUMENT' }, words.join(' '))
})
