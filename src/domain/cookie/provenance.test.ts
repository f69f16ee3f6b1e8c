import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attachedProvenance, provenanceCookie, readProvenance } from './provenance.ts'

const TIME = new Date('2026-01-02T03:04:05.678Z')
const OURS = {
  qemuVersion: '10.0.2',
  emulator: `/opt/a & b/<qemu>'s`,
  commandLine: ['/usr/bin/qemu', '-name', 'web,process=<a>&"b"'],
}

test('readProvenance() reads what provenanceCookie() wrote', () => {
  const { host, ...facts } = readProvenance(provenanceCookie(OURS, TIME)) ?? { host: '' }
  assert.notEqual(host, '')
  assert.deepEqual(facts, {
    qemu: '10.0.2',
    time: '2026-01-02T03:04:05.678Z',
    emulator: OURS.emulator,
  })
})

test('attachedProvenance() returns the command line of a QEMU that Stasis did not start', () => {
  const attached = { ...OURS, attached: { cwd: "/home/o'neil" } }
  assert.deepEqual(attachedProvenance(provenanceCookie(attached, TIME)), attached)
  assert.equal(attachedProvenance(provenanceCookie(OURS, TIME)), undefined)
})

test('provenanceCookie() replaces characters that make an XML unreadable', () => {
  const cookie = provenanceCookie(
    { ...OURS, commandLine: ['a\u0001\ufffd\uffffb\tc'], attached: { cwd: '/' } },
    TIME,
  )
  assert.deepEqual(attachedProvenance(cookie)?.commandLine, ['a???b\tc'])
})

test('readProvenance() and attachedProvenance() ignore other and damaged cookies', () => {
  const damaged = provenanceCookie({ ...OURS, attached: { cwd: '/' } }, TIME).slice(0, -20)
  for (const cookie of ['<cookie><cpu/></cookie>', '', '<', damaged]) {
    assert.equal(readProvenance(cookie), undefined, cookie)
    assert.equal(attachedProvenance(cookie), undefined, cookie)
  }
  assert.equal(attachedProvenance(undefined), undefined)
})
