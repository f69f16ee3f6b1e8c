import assert from 'node:assert/strict'
import { test } from 'node:test'
import { replyText, returnedBy } from './monitor-reply.ts'

test('replyText() keeps long integers and shows nothing that a terminal obeys', () => {
  const reply = { return: { large: 9223372036854775807n, name: 'a\u009b31m\u001b[31m' } }
  const line = '{"return":{"large":9223372036854775807,"name":"a\\u009b31m\\u001b[31m"}}'
  assert.equal(replyText(reply), line)
  const pretty = replyText(reply, { pretty: true })
  assert.match(pretty, /^\{\n {2}"return": \{\n {4}"large": 9223372036854775807,\n/)
  for (const control of ['\u001b', '\u009b']) assert.ok(!pretty.includes(control))
})

test('returnedBy() throws what QEMU refused', () => {
  assert.equal(returnedBy({ return: 1 }, 'x'), 1)
  assert.throws(() => returnedBy({ error: { class: 'GenericError', desc: 'no' } }, 'x'), {
    code: 'QEMU_REFUSED',
    message: /no$/,
  })
})
