import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { defineDomain, destroyDomain, startDomain } from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { oldestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

const NAMESPACE = 'http://libvirt.org/schemas/domain/qemu/1.0'

for (const { emulator, label } of oldestQemu()) {
  test(`QEMU ${label} gets the arguments of an XML, with any prefix, only if they are allowed`, async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const serial = { type: 'file', path: dir.join('serial') } as const
    const xml = domainXml({ name: 'extra', guest: 'tiny', emulator, serial }).replace(
      '</domain>',
      `<x:commandline xmlns:x='${NAMESPACE}'><x:arg value='-global'/><x:arg value='kvm-pit.x=1'/></x:commandline></domain>`,
    )
    await assert.rejects(defineDomain(xml, { stateDir }), {
      code: 'QEMU_UNTRUSTED',
      message: /-global kvm-pit\.x=1/,
    })
    await defineDomain(xml, { stateDir, allow: ['arguments:-global kvm-pit.x=1'] })
    const { id } = await startDomain('extra', { stateDir })
    await using stack = new AsyncDisposableStack()
    stack.defer(async () => {
      await destroyDomain('extra', { stateDir })
    })
    const line = await readFile(`/proc/${id}/cmdline`, 'utf8')
    assert.match(line, /\0-global\0kvm-pit\.x=1\0/)
  })
}
