import assert from 'node:assert/strict'
import { test } from 'node:test'
import { smallXml } from '../../../../test/support/test-store.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import { parseDomainXml } from '../../domain-xml/parse.ts'
import { readDomain } from '../../domain-xml/read-domain.ts'
import { reasonAgainst, recordedSandbox, sandboxArguments } from './sandbox.ts'

function machine(devices: string): Domain {
  return readDomain(parseDomainXml(smallXml({ name: 'web', devices }))).domain
}

const CLOSED = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'
const OPEN = 'on,obsolete=deny,elevateprivileges=allow,spawn=allow,resourcecontrol=deny'
const card = (type: string, more: string): Domain =>
  machine(`<interface type='${type}'>${more}<model type='virtio'/></interface>`)

test('sandboxArguments() denies everything unless the network needs a program', () => {
  const choice = { supported: true, root: true, changesUser: false }
  const plain = [
    machine(''),
    card('user', ''),
    card('ethernet', `<target dev='tap0' managed='no'/>`),
    card('ethernet', `<script path='/etc/up'/>`),
    card('direct', `<source dev='eth0'/>`),
  ]
  for (const domain of plain)
    assert.deepEqual(sandboxArguments(domain, choice), ['-sandbox', CLOSED])
  const bridge = card('bridge', `<source bridge='br0'/>`)
  assert.deepEqual(sandboxArguments(bridge, choice), ['-sandbox', OPEN])
})

test('reasonAgainst() says why there is no filter', () => {
  const bridge = card('bridge', `<source bridge='br0'/>`)
  const user = { supported: true, root: false, changesUser: false }
  assert.match(reasonAgainst(bridge, user) ?? '', /setuid/)
  assert.deepEqual(sandboxArguments(bridge, user), [])
  const port = card('bridge', `<source bridge='b'/><virtualport type='openvswitch'/>`)
  for (const domain of [machine(''), port]) assert.equal(reasonAgainst(domain, user), undefined)
  const unsupported = { supported: false, root: true, changesUser: false }
  assert.match(reasonAgainst(machine(''), unsupported) ?? '', /seccomp/)
  assert.deepEqual(sandboxArguments(machine(''), unsupported), [])
})

test('recordedSandbox() denies programs unless an option may need one', () => {
  const choice = { supported: true, root: true, changesUser: false }
  const closed = [
    ['-netdev', 'user,id=n'],
    ['-netdev', 'tap,id=n,ifname=t,script=no,downscript=no'],
    ['-netdev', '{"type":"tap","id":"n","script":"no","downscript":"no"}'],
    ['-netdev', 'tap,id=n,fd=5'],
  ]
  for (const argv of closed) assert.deepEqual(recordedSandbox(argv, choice), ['-sandbox', CLOSED])
  const open = [
    ['-netdev', 'tap,id=n,ifname=t'],
    ['-nic', 'tap,script=no'],
    ['-netdev', 'bridge,id=n,br=br0'],
    ['-netdev', '{"type":"bridge","id":"n"}'],
    ['-netdev', 'user,id=n,smb=/srv'],
    ['-netdev', 'user,id=n,guestfwd=tcp:10.0.2.100:80-cmd:nc host 80'],
  ]
  for (const argv of open) assert.deepEqual(recordedSandbox(argv, choice), ['-sandbox', OPEN])
  const bridge = ['-netdev', 'bridge,id=n,br=br0']
  assert.deepEqual(recordedSandbox(bridge, { ...choice, root: false }), [])
  const [, threads] = recordedSandbox(['-object', 'thread-context,id=t'], choice)
  assert.match(threads ?? '', /resourcecontrol=allow$/)
})

test('sandboxArguments() lets a QEMU that changes its user do that', () => {
  const choice = { supported: true, root: true, changesUser: true }
  const [, filter] = sandboxArguments(machine(''), choice)
  assert.match(filter ?? '', /elevateprivileges=allow,spawn=deny/)
})
