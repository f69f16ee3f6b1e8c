import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseDomainXml } from './parse.ts'
import { MAX_DOMAIN_XML_BYTES } from './size-limits.ts'

const GOOD = `<domain type='qemu'>
  <name>web</name>
  <memory>1024</memory>
  <os><type>hvm</type></os>
</domain>`

test('parseDomainXml() accepts the smallest valid domain', () => {
  assert.equal(parseDomainXml(GOOD).root.nodeName, 'domain')
})

test('parseDomainXml() throws XML_MALFORMED with line and column when the text is not XML', () => {
  const malformed = { code: 'XML_MALFORMED', path: '/tmp/web.xml' }
  const parse = (text: string) => () => parseDomainXml(text, { path: '/tmp/web.xml' })
  assert.throws(parse(GOOD.replace('</memory>', '</memorx>')), {
    ...malformed,
    message: /line 3, column \d+/,
  })
  for (const text of [
    '',
    'hello',
    '<domain',
    '<domain a=1/>',
    '<domain/><domain/>',
    '<domain>&x;</domain>',
  ]) {
    assert.throws(parse(text), malformed, text)
  }
})

test('parseDomainXml() refuses document types, and with them entities that expand or read files', () => {
  const bomb = `<!DOCTYPE domain [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>\n${GOOD}`
  assert.throws(() => parseDomainXml(bomb), { code: 'XML_MALFORMED', message: /document type/ })
  const outside = `\n<!DOCTYPE domain SYSTEM "file:///etc/passwd">${GOOD}`
  assert.throws(() => parseDomainXml(outside), {
    code: 'XML_MALFORMED',
    message: /line 2, column 1/,
  })
})

test('parseDomainXml() refuses texts that are too large or too deep before parsing them', () => {
  const large = GOOD.replace('web', 'w'.repeat(MAX_DOMAIN_XML_BYTES))
  assert.throws(() => parseDomainXml(large), { code: 'XML_MALFORMED', message: /16 MiB/ })
  const deep = GOOD.replace('web', `${'<a>'.repeat(100_000)}${'</a>'.repeat(100_000)}`)
  assert.throws(() => parseDomainXml(deep), { code: 'XML_MALFORMED', message: /deep/ })
})

test('parseDomainXml() throws XML_INVALID with the element when something essential is missing or wrong', () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['<name>web</name>', '', /^\/domain \(line 1\): the element <name> is missing$/],
    ['<name>web</name>', '<name/>', /^\/domain\/name \(line 2\): the name is empty$/],
    ['web', 'a/b', /slash/],
    ['<memory>1024</memory>', '', /<memory> is missing/],
    ['1024', 'much', /^\/domain\/memory \(line 3\): "much" is not a whole number$/],
    ['<type>hvm</type>', '', /^\/domain\/os \(line 4\): the element <type> is missing$/],
    [" type='qemu'", '', /"type" is missing/],
    ['</domain>', '<uuid>123</uuid></domain>', /\/domain\/uuid .*"123" is not a UUID/],
    [
      '</domain>',
      `<devices><interface type='user'/><interface type='user'><mac address='zz'/></interface></devices></domain>`,
      /\/domain\/devices\/interface\[2\]\/mac\/@address .*"zz" is not a unicast MAC address/,
    ],
    ['</domain>', '<vcpu>two</vcpu></domain>', /\/domain\/vcpu .*"two"/],
    ['</domain>', '<clock>now</clock></domain>', /\/domain\/clock .*unexpected text "now"/],
  ]
  for (const [from, to, message] of cases) {
    assert.throws(
      () => parseDomainXml(GOOD.replace(from, to)),
      { code: 'XML_INVALID', message },
      to,
    )
  }
  assert.throws(() => parseDomainXml('<network/>'), { code: 'XML_INVALID', message: /<network>/ })
})

test('parseDomainXml() keeps unknown elements', () => {
  const text = GOOD.replace('<os>', '<surprise level="9"/><os>')
  assert.equal(parseDomainXml(text).root.getElementsByTagName('surprise').length, 1)
})

test('parseDomainXml() refuses characters that XML does not allow, also by number', () => {
  for (const character of ['\0', '\u001b', '\ufffe', '&#0;', '&#x1B;', '&#xD800;', '&#1114112;']) {
    const text = GOOD.replace('<os>', `<title>a${character}b</title><os>`)
    assert.throws(() => parseDomainXml(text), {
      code: 'XML_MALFORMED',
      message: /line \d+, column \d+: it contains a character that XML does not allow/,
    })
  }
  parseDomainXml(GOOD.replace('<os>', '<title>a\t\n&#10;&#x1F600;😀</title><os>'))
})
