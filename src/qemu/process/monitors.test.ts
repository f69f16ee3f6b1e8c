import assert from 'node:assert/strict'
import { test } from 'node:test'
import { monitorArguments, startMonitorArguments } from './monitors.ts'

test('monitorArguments() creates both monitors and doubles commas in paths', () => {
  const line = monitorArguments({ control: '/run/a,b/c.sock', query: '/run/q.sock' }).join(' ')
  assert.match(line, /path=\/run\/a,,b\/c\.sock,server=on,wait=off/)
  assert.match(line, /path=\/run\/q\.sock,server=on,wait=off/)
  assert.equal(line.match(/-mon chardev=\S+,mode=control/g)?.length, 2)
})

test('startMonitorArguments() makes a monitor of a descriptor', () => {
  assert.deepEqual(startMonitorArguments(5), [
    ...['-chardev', 'socket,id=char-stasis-start,fd=5'],
    ...['-mon', 'chardev=char-stasis-start,id=stasis-start,mode=control'],
  ])
})
