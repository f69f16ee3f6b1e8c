import assert from 'node:assert/strict'
import { test } from 'node:test'
import { harmlessArguments } from './harmless.ts'

test('harmlessArguments() opens no disk, socket or file of the domain that its shape does not need', () => {
  const argv = [
    ...['-S', '-kernel', '/boot/vmlinuz', '-append', 'quiet', '-shim', '/s'],
    ...['-fw_cfg', 'name=opt/a/b,file=/secret', '-acpitable', 'file=/t'],
    ...['-blockdev', '{"driver":"file","filename":"/disk","node-name":"s"}'],
    ...['-blockdev', '{"driver":"qcow2","node-name":"f","file":"s","read-only":false}'],
    ...['-chardev', 'file,id=charserial0,path=/log,append=on'],
    ...['-netdev', '{"type":"tap","ifname":"tap0","id":"hostnet0"}'],
    ...['-netdev', '{"type":"user","hostfwd":[{"str":"tcp::22-:22"}],"id":"hostnet1"}'],
    ...['-vnc', '127.0.0.1:0', '-device', '{"driver":"virtio-blk-pci","drive":"f"}'],
  ]
  assert.deepEqual(harmlessArguments(argv, '/tmp/t'), [
    '-S',
    '-acpitable',
    'file=/t',
    '-blockdev',
    '{"driver":"null-co","node-name":"s","size":1073741824,"read-zeroes":true}',
    '-blockdev',
    '{"driver":"raw","node-name":"f","read-only":false,"file":"s"}',
    '-chardev',
    'null,id=charserial0',
    '-netdev',
    '{"type":"hubport","id":"hostnet0","hubid":0}',
    '-netdev',
    '{"type":"user","id":"hostnet1"}',
    '-device',
    '{"driver":"virtio-blk-pci","drive":"f"}',
  ])
})

test('harmlessArguments() opens no device of the host', () => {
  const rng = { 'qom-type': 'rng-random', id: 'r', filename: '/dev/hwrng' }
  const vsock = { driver: 'vhost-vsock-pci', id: 'v', 'guest-cid': 4 }
  const argv = [
    ...['-object', '{"qom-type":"input-linux","id":"i","evdev":"/dev/input/event1"}'],
    ...['-object', '{"qom-type":"tls-creds-x509","id":"t","dir":"/certificates"}'],
    ...['-object', '{"qom-type":"pr-manager-helper","id":"p","path":"/helper"}'],
    ...['-device', '{"driver":"scsi-generic","drive":"s","id":"hostdev0"}'],
    ...['-object', JSON.stringify(rng)],
    ...['-device', '{"driver":"virtio-input-host-pci","evdev":"/dev/input/event1"}'],
    ...['-device', '{"driver":"ivshmem-doorbell","chardev":"charshmem0"}'],
    ...['-device', JSON.stringify(vsock)],
  ]
  const [, numbers = '', , sockets = '', ...more] = harmlessArguments(argv, '/tmp/t')
  assert.deepEqual(JSON.parse(numbers), { 'qom-type': 'rng-builtin', id: 'r' })
  const { 'guest-cid': cid } = JSON.parse(sockets) as typeof vsock
  assert.ok(cid > 0xff_00_00_00 && cid < 0xff_ff_ff_ff)
  assert.deepEqual(more, [])
})

test('harmlessArguments() keeps the firmware read-only, because it is guest memory', () => {
  const flash = { driver: 'file', filename: '/code.fd', 'node-name': 'libvirt-pflash0-storage' }
  assert.deepEqual(harmlessArguments(['-blockdev', JSON.stringify(flash)], '/tmp/t'), [
    '-blockdev',
    JSON.stringify({ ...flash, 'read-only': true }),
  ])
})

test('harmlessArguments() keeps the size of memory, but neither its file nor its nodes', () => {
  const memory = { 'qom-type': 'memory-backend-file', id: 'm', 'mem-path': '/nv', size: 4096 }
  const thread = JSON.stringify({ 'qom-type': 'iothread', id: 'iothread1' })
  const given = JSON.stringify({ ...memory, 'host-nodes': [7], policy: 'bind' })
  const [, kept = '', , other] = harmlessArguments(['-object', given, '-object', thread], '/tmp')
  assert.deepEqual(JSON.parse(kept), { 'qom-type': 'memory-backend-ram', id: 'm', size: 4096 })
  assert.equal(other, thread)
})

test('harmlessArguments() makes no sound, and shows the guest to nobody', () => {
  const argv = [
    ...['-spice', 'port=5900,addr=0.0.0.0', '-display', 'dbus,addr=unix:path=/bus', '-full-screen'],
    ...['-display', 'egl-headless,rendernode=/r'],
    ...['-audiodev', '{"id":"audio1","driver":"wav","path":"/w"}', '-S'],
  ]
  assert.deepEqual(harmlessArguments(argv, '/tmp/t'), [
    ...['-spice', 'unix=on,addr=/tmp/t/spice,disable-ticketing=on', '-display', 'none'],
    ...['-display', 'egl-headless,rendernode=/r'],
    ...['-audiodev', '{"id":"audio1","driver":"none"}', '-S'],
  ])
})
