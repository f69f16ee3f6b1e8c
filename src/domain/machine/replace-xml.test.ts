import assert from 'node:assert/strict'
import { test } from 'node:test'
import { smallXml } from '../../../test/support/test-store.ts'
import { replaceXml } from './replace-xml.ts'

const DISK = (file: string): string =>
  `<disk type='file' device='disk'><source file='${file}'/><target dev='vda' bus='virtio'/></disk>`
const SAVED = smallXml({ name: 'web', devices: DISK('/a') })

test('replaceXml() returns the given XML, completed, when the guest sees no difference', () => {
  const xml = replaceXml(SAVED, { text: smallXml({ name: 'web', devices: DISK('/b') }) })
  assert.ok(xml.includes(`file='/b'`))
  assert.ok(xml.includes('pcie-root-port'))
})

test('replaceXml() throws IMAGE_INCOMPATIBLE for another machine', () => {
  const other = smallXml({ name: 'web', devices: DISK('/a').replace('vda', 'vdb') })
  assert.throws(() => replaceXml(SAVED, { text: other }), { code: 'IMAGE_INCOMPATIBLE' })
})

test('replaceXml() names the file of a malformed XML', () => {
  assert.throws(() => replaceXml(SAVED, { text: '<domain', path: '/new.xml' }), {
    code: 'XML_MALFORMED',
    path: '/new.xml',
  })
})
