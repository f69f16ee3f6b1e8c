import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDomainXml } from './parse.ts'
import { hidePasswords } from './passwords.ts'
import { readDomain } from './read-domain.ts'

const xmlWith = (attributes: string): string =>
  `<domain type='qemu'><name>passwd</name><memory>65536</memory><os><type arch='x86_64'>hvm</type></os>
<devices><graphics type='vnc' ${attributes}/></devices></domain>`

test('hidePasswords() shows none, and leaves other XML as it is', () => {
  const hidden = hidePasswords(xmlWith(`passwd='se&lt;same'`))
  assert.doesNotMatch(hidden, /same/)
  assert.match(hidden, /passwd=['"]\*{5}['"]/)
  assert.equal(hidePasswords(xmlWith('')), xmlWith(''))
})

test('hidePasswords() gives XML that is not taken for one with that password', () => {
  const hidden = hidePasswords(xmlWith(`passwd='sesame'`))
  assert.throws(() => readDomain(parseDomainXml(hidden)), {
    code: 'XML_INVALID',
    hint: /--security-info/,
  })
})
