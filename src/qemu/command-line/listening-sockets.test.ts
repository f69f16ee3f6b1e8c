import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listeningSockets } from './listening-sockets.ts'

test('listeningSockets() finds the sockets that QEMU makes, and no others', () => {
  const argv = [
    ...['-chardev', 'socket,id=a,path=/run/a,,b,server=on,wait=off'],
    ...['-chardev', 'socket,id=b,path=/run/client'],
    ...['-chardev', 'socket,id=c,path=/proc/self/fd/7/end,server=on,wait=off'],
    ...['-chardev', 'file,id=d,path=/run/file,server=on'],
    ...['-vnc', 'vnc=unix:/run/vnc,share=ignore'],
    ...['-vnc', '127.0.0.1:0'],
  ]
  assert.deepEqual(listeningSockets(argv), ['/run/a,b', '/run/vnc'])
})
