import assert from 'node:assert/strict'
import { test } from 'node:test'
import { monitorArguments } from './monitors.ts'

test('monitorArguments() creates both monitors and doubles commas in paths', () => {
  const line = monitorArguments({ control: '/run/a,b/c.sock', query: '/run/q.sock' }).join(' ')
  assert.match(line, /path=\/run\/a,,b\/c\.sock,server=on,wait=off/)
  assert.match(line, /path=\/run\/q\.sock,server=on,wait=off/)
  assert.equal(line.match(/-mon chardev=\S+,mode=control/g)?.length, 2)
})
