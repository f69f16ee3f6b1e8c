import assert from 'node:assert/strict'
import { test } from 'node:test'
import { displayUri, vncDisplayText } from './display.ts'

const vnc = {
  type: 'vnc',
  socket: undefined,
  address: '127.0.0.1',
  port: 5902,
  tlsPort: undefined,
} as const

test('vncDisplayText() counts from port 5900', () => {
  assert.equal(vncDisplayText(vnc), '127.0.0.1:2')
  assert.equal(vncDisplayText({ ...vnc, address: '0.0.0.0' }), ':2')
  assert.equal(vncDisplayText({ ...vnc, address: '::1' }), '[::1]:2')
  assert.equal(vncDisplayText({ ...vnc, port: undefined, socket: '/run/vnc' }), undefined)
})

test('displayUri() names the display as virsh does', () => {
  assert.equal(displayUri(vnc), 'vnc://127.0.0.1:2')
  assert.equal(displayUri({ ...vnc, address: '::' }), 'vnc://localhost:2')
  assert.equal(displayUri({ ...vnc, socket: '/run/vnc' }), 'vnc+unix:///run/vnc')
  const spice = { ...vnc, type: 'spice', tlsPort: 5903 }
  assert.equal(displayUri(spice), 'spice://127.0.0.1:5902?tls-port=5903')
  assert.equal(displayUri({ ...spice, port: undefined }), 'spice://127.0.0.1?tls-port=5903')
})
