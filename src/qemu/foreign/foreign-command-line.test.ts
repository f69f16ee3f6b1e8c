import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  incomingCommandLine,
  unrepeatableArguments,
  withoutQmpMonitors,
} from './foreign-command-line.ts'

test('unrepeatableArguments() finds what only the program that started QEMU can pass', () => {
  const lines: readonly (readonly [string, RegExp])[] = [
    ['-netdev tap,id=n,fd=25', /-netdev tap,id=n,fd=25 uses an inherited descriptor/],
    ['-netdev tap,fds=3:4,id=n', /inherited descriptors/],
    ['-add-fd set=1,fd=9', /-add-fd set=1,fd=9 passes/],
    ['-blockdev {"driver":"file","filename":"/dev/fdset/1"}', /descriptor set/],
    ['-chardev socket,id=m,fd=25,server=on,wait=off', /inherited descriptor/],
    ['-chardev socket,id=v,path=/run/virtiofsd', /is connected to another program/],
    ['-serial tcp:localhost:99', /is connected to another program/],
  ]
  for (const [line, message] of lines) {
    const [found, ...more] = unrepeatableArguments(line.split(' '))
    assert.match(found ?? '', message, line)
    assert.deepEqual(more, [])
  }
  for (const line of [
    '-qmp unix:/run/q,server=on,wait=off',
    '-serial file:/tmp/x -monitor stdio',
    '-drive file=/a,if=virtio -m 64 -netdev user,id=n',
    '-chardev socket,id=c,path=/x,server,nowait',
  ])
    assert.deepEqual(unrepeatableArguments(line.split(' ')), [], line)
})

test('unrepeatableArguments() finds arguments that an XML cookie cannot hold', () => {
  for (const value of ['a\u0001', 'a\rb', 'caf\ufffd', '\uffff']) {
    const [found, ...more] = unrepeatableArguments(['-name', value])
    assert.match(found ?? '', /^argument 2 .* cannot be written into an image$/)
    assert.deepEqual(more, [])
  }
  assert.deepEqual(unrepeatableArguments(['-fw_cfg', 'name=opt/a,string=ä\tb\nc']), [])
})

test('incomingCommandLine() omits options of the process and does not wait for clients', () => {
  const line =
    '-m 64 -daemonize -pidfile /p -S -qmp unix:/q,server -chardev socket,id=c,path=/x,server=on,wait=on -incoming tcp:0:1 ' +
    '-chardev socket,id=char-stasis-control,path=/s,server=on,wait=off -mon chardev=char-stasis-control,id=stasis-control,mode=control'
  const made = incomingCommandLine(line.split(' '))
  const wanted =
    '-m 64 -qmp unix:/q,server,wait=off -chardev socket,id=c,path=/x,server=on,wait=off -S -incoming defer'
  assert.equal(made.join(' '), wanted)
  assert.deepEqual(incomingCommandLine(made), made)
})

test('withoutQmpMonitors() drops QMP monitors with their character devices, and keeps the rest', () => {
  const line =
    '-m 64 -qmp unix:/q,server=on,wait=off -monitor stdio -chardev socket,id=c,path=/c -chardev socket,id=s,path=/s -mon chardev=c,mode=control ' +
    '-mon s -qmp-pretty tcp:localhost:4 -serial chardev:s'
  assert.equal(
    withoutQmpMonitors(line.split(' ')).join(' '),
    '-m 64 -monitor stdio -chardev socket,id=s,path=/s -mon s -serial chardev:s',
  )
})
