import assert from 'node:assert/strict'
import { test } from 'node:test'
import { smallXml } from '../../../test/support/test-store.ts'
import type { Domain } from '../domain-xml/model/domain.ts'
import { parseDomainXml } from '../domain-xml/parse.ts'
import { readDomain } from '../domain-xml/read-domain.ts'
import { reasonAgainst, sandboxArguments } from './sandbox.ts'

function machine(devices: string): Domain {
  return readDomain(parseDomainXml(smallXml({ name: 'web', devices }))).domain
}

const CLOSED = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'
const OPEN = 'on,obsolete=deny,elevateprivileges=allow,spawn=allow,resourcecontrol=deny'
const card = (type: string, more: string): Domain =>
  machine(`<interface type='${type}'>${more}<model type='virtio'/></interface>`)

test('sandboxArguments() denies everything unless the network needs a program', () => {
  const choice = { supported: true, root: true }
  const plain = [
    machine(''),
    card('user', ''),
    card('ethernet', `<target dev='tap0' managed='no'/>`),
    card('ethernet', `<script path='no'/>`),
  ]
  for (const domain of plain)
    assert.deepEqual(sandboxArguments(domain, choice), ['-sandbox', CLOSED])
  for (const domain of [
    card('ethernet', `<script path='/etc/up'/>`),
    card('bridge', `<source bridge='br0'/>`),
  ])
    assert.deepEqual(sandboxArguments(domain, choice), ['-sandbox', OPEN])
})

test('reasonAgainst() says why there is no filter', () => {
  const bridge = card('bridge', `<source bridge='br0'/>`)
  const user = { supported: true, root: false }
  assert.match(reasonAgainst(bridge, user) ?? '', /setuid/)
  assert.deepEqual(sandboxArguments(bridge, user), [])
  assert.equal(reasonAgainst(machine(''), user), undefined)
  const unsupported = { supported: false, root: true }
  assert.match(reasonAgainst(machine(''), unsupported) ?? '', /seccomp/)
  assert.deepEqual(sandboxArguments(machine(''), unsupported), [])
})
