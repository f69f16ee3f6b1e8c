import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandLines } from './command-lines.ts'

test('CommandLines joins a line that a backslash continues, and no other', () => {
  const lines = new CommandLines()
  assert.equal(lines.add('list'), 'list')
  assert.equal(lines.add('echo \\\\'), 'echo \\\\')
  assert.equal(lines.add('save \\'), undefined)
  assert.ok(lines.isOpen)
  assert.equal(lines.add('web \\'), undefined)
  assert.equal(lines.add('file'), 'save \\\nweb \\\nfile')
  assert.ok(!lines.isOpen)
  lines.add('echo a \\')
  assert.equal(lines.rest(), 'echo a ')
})
