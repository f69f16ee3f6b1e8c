import assert from 'node:assert/strict'
import { test } from 'node:test'
import { libvirtPlaces } from './places.ts'

test('libvirtPlaces() knows the directories of the system and of a user', () => {
  const system = libvirtPlaces('system', { root: '/bed' })
  assert.equal(system.definitions, '/bed/etc/libvirt/qemu')
  assert.equal(system.saves, '/bed/var/lib/libvirt/qemu/save')
  assert.equal(system.running, '/bed/run/libvirt/qemu')
  const env = { HOME: '/home/a', XDG_RUNTIME_DIR: '/run/user/7' }
  const session = libvirtPlaces('session', { env })
  assert.equal(session.definitions, '/home/a/.config/libvirt/qemu')
  assert.equal(session.nvram, '/home/a/.config/libvirt/qemu/nvram')
  assert.equal(session.running, '/run/user/7/libvirt/qemu/run')
  const other = libvirtPlaces('session', { env: { ...env, XDG_CONFIG_HOME: '/c' } })
  assert.equal(other.saves, '/c/libvirt/qemu/save')
})
