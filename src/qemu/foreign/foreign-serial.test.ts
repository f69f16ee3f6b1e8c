import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foreignSerial } from './foreign-serial.ts'

test('foreignSerial() finds what is behind the first serial port', () => {
  const find = (...argv: readonly string[]): unknown => foreignSerial(['qemu', ...argv], '/vm')
  const chardev = (value: string): unknown =>
    find('-chardev', value, '-device', 'isa-serial,chardev=c0')
  assert.deepEqual(find('-serial', 'file:log', '-serial', 'pty'), { type: 'file', path: '/vm/log' })
  assert.deepEqual(find('--serial', 'pty'), { type: 'pty' })
  assert.deepEqual(find('-serial', 'unix:/run/s,server=on,wait=off'), {
    type: 'unix',
    path: '/run/s',
  })
  assert.deepEqual(find('-serial', 'unix:s,server,nowait'), { type: 'unix', path: '/vm/s' })
  assert.deepEqual(find('-serial', 'unix:s'), undefined)
  assert.deepEqual(chardev('file,id=c0,path=a,,b,append=on'), { type: 'file', path: '/vm/a,b' })
  assert.deepEqual(chardev('socket,id=c0,path=/run/s,server=on,wait=off'), {
    type: 'unix',
    path: '/run/s',
  })
  assert.deepEqual(chardev('pty,id=c0'), { type: 'pty' })
  assert.deepEqual(find('-chardev', 'pty,id=x', '-serial', 'chardev:x'), { type: 'pty' })
  const json = '{"driver":"isa-serial","chardev":"c0","id":"serial0"}'
  assert.deepEqual(find('-chardev', 'pty,id=c0', '-device', json), { type: 'pty' })
  for (const argv of [
    ['-serial', 'stdio'],
    ['-serial', 'none'],
    ['-nographic'],
    [],
    ['-device', '{'],
    ['-serial', 'chardev:y'],
  ])
    assert.equal(find(...argv), undefined)
})
