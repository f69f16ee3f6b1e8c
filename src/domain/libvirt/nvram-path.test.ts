import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nvramPathIn, withNvramPath } from './nvram-path.ts'

const domain = (os: string): string =>
  `<domain type='qemu'><name>a</name><memory>1024</memory><os><type>hvm</type>${os}</os></domain>`

test('nvramPathIn() reads both notations of libvirt', () => {
  assert.equal(nvramPathIn(domain("<nvram template='/t'>/n/a_VARS.fd</nvram>")), '/n/a_VARS.fd')
  const source = "<nvram type='file'><source file='/n/b.fd'/></nvram>"
  assert.equal(nvramPathIn(domain(source)), '/n/b.fd')
  assert.equal(nvramPathIn(domain("<nvram template='/t'/>")), undefined)
  assert.equal(nvramPathIn(domain('')), undefined)
})

test('withNvramPath() changes only the path', () => {
  const plain = withNvramPath(domain("<nvram template='/t'>/n/a.fd</nvram>"), '/x & y')
  assert.equal(nvramPathIn(plain), '/x & y')
  assert.match(plain, /<nvram template=['"]\/t['"]>\/x &amp; y<\/nvram>/)
  const source = "<nvram type='file'><source file='/n/b.fd'/></nvram>"
  assert.equal(nvramPathIn(withNvramPath(domain(source), '/y')), '/y')
  assert.equal(withNvramPath(domain(''), '/y'), domain(''))
})
