import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkDomainName } from './domain-name.ts'

test('checkDomainName() accepts the names of libvirt that can be part of a path', () => {
  for (const name of ['web', 'Web server (2)', '-x', '.hidden', 'größe', 'a'.repeat(242)]) {
    checkDomainName(name)
  }
})

test('checkDomainName() refuses a name when a path could not hold it', () => {
  for (const name of ['', '.', '..', 'a/b', 'a\nb', 'a\u0000b', 'ü'.repeat(122)]) {
    assert.throws(() => checkDomainName(name), { code: 'BAD_ARGUMENT' }, JSON.stringify(name))
  }
})
