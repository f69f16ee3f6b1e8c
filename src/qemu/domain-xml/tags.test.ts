import assert from 'node:assert/strict'
import { test } from 'node:test'
import { childText } from './access.ts'
import { parseXml } from './parse-xml.ts'
import { tagOfRootChild, tagsOf, textOfRootChild } from './tags.ts'

const UUID = '4b5e57f6-eb2f-42b9-839b-3d1e13929295'

test('textOfRootChild() finds what the parser finds', () => {
  const child = `<uuid>${UUID}</uuid>`
  const inner = '<uuid>wrong</uuid>'
  for (const xml of [
    `<domain type='kvm'>${child}</domain>`,
    `<?xml version='1.0'?>\n<!-- ${inner} -->\n<domain>\n  <name>a</name>\n  ${child}\n</domain>\n`,
    `<domain><metadata><x:a xmlns:x='y'>${inner}</x:a></metadata>${child}</domain>`,
    `<domain><title a='>' b=">"/>${child}${inner}</domain>`,
    `<domain><![CDATA[${inner}]]><uuid2>wrong</uuid2>${child}</domain>`,
    `<domain><sysinfo><entry name='uuid'>wrong</entry></sysinfo><uuid\n>${UUID}</uuid></domain>`,
    `<domain><description>${inner}</description></domain>`,
    `<domain><name>a</name></domain>`,
    '<domain><uuid>a&amp;b &lt;&#65;&#x42;&gt;&quot;&apos;</uuid></domain>',
    '<domain><uuid>a<!-- b -->c<![CDATA[<d>&amp;]]>e<?f?></uuid></domain>',
    '<domain><uuid></uuid></domain>',
    '<domain><uuid/><uuid>second</uuid></domain>',
  ]) {
    const parsed = childText(parseXml(xml).documentElement ?? undefined, 'uuid')
    assert.equal(textOfRootChild(xml, 'uuid'), parsed, xml)
  }
})

test('tagOfRootChild() is the tag as it is written', () => {
  const xml = `<a><b><c d='1'/></b><!-- <c> --><c d='2' e=">">f</c><c d='3'/></a>`
  assert.equal(tagOfRootChild(xml, 'c'), `<c d='2' e=">">`)
  assert.equal(tagOfRootChild(`<a><c d='2'/></a>`, 'c'), `<c d='2'/>`)
  assert.equal(tagOfRootChild(xml, 'd'), undefined)
})

test('textOfRootChild() ends on a text that is cut off', () => {
  const whole = `<domain><name>a</name><uuid>${UUID}</uuid></domain>`
  for (let length = 0; length < whole.length; length++) {
    const found = textOfRootChild(whole.slice(0, length), 'uuid')
    assert.ok(found === undefined || UUID.startsWith(found), whole.slice(0, length))
  }
})

test('tagsOf() needs one pass even for texts built to need many', () => {
  const start = performance.now()
  for (const part of ['<!--', '<a "<a" ', `<a '"' `, '<![CDATA['])
    Array.from(tagsOf(part.repeat(500_000)))
  assert.ok(performance.now() - start < 5_000)
})
