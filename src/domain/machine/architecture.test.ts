import assert from 'node:assert/strict'
import { test } from 'node:test'
import { smallXml } from '../../../test/support/test-store.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { foreignArchitecture } from './architecture.ts'

test('foreignArchitecture() finds every architecture that is not supported', () => {
  const xml = smallXml({ name: 'web' })
  const check = (text: string): string | undefined =>
    foreignArchitecture(parseDomainXml(text))?.text
  assert.equal(check(xml), undefined)
  assert.equal(check(xml.replace("arch='x86_64' ", '')), undefined)
  assert.equal(check(xml.replace('x86_64', 'i686')), undefined)
  assert.equal(check(xml.replace('x86_64', 'aarch64')), undefined)
  assert.match(check(xml.replace('x86_64', 'ppc64le')) ?? '', /^This is a guest for ppc64le; /)
})
