import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDomainXml } from './parse.ts'
import { hidePasswords, shownXml } from './passwords.ts'
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

test('shownXml() puts each element on a line of its own, and leaves text that is not XML as it is', () => {
  const shown = shownXml(xmlWith(''), { show: false })
  assert.match(shown, /^<domain type='qemu'>\n {2}<name>passwd<\/name>\n {2}<memory>/)
  assert.equal(shownXml(shown, { show: false }), shown)
  assert.equal(shownXml('<domain>', { show: true }), '<domain>')
  assert.equal(shownXml(xmlWith(`passwd='sesame'`), { show: false }).includes('sesame'), false)
  assert.equal(shownXml(xmlWith(`passwd='sesame'`), { show: true }).includes('sesame'), true)
  assert.throws(() => shownXml(`<domain passwd='sesame'>`, { show: false }), {
    code: 'XML_MALFORMED',
  })
})
