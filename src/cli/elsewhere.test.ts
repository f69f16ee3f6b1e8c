import assert from 'node:assert/strict'
import { test } from 'node:test'
import { elsewhereError } from './elsewhere.ts'
import { VERBS } from './verbs.ts'

test('elsewhereError() explains what only virsh has, and nothing else', () => {
  for (const verb of [
    'attach-disk',
    'snapshot-create',
    'net-list',
    'migrate',
    'migrate-setspeed',
    'domfsinfo',
  ]) {
    const error = elsewhereError(verb)
    assert.match(error?.message ?? '', new RegExp(`^Stasis has no '${verb}': with it virsh `))
  }
  for (const { name } of VERBS) assert.equal(elsewhereError(name), undefined, name)
  for (const word of ['frobnicate', 'net', '', 'Migrate'])
    assert.equal(elsewhereError(word), undefined)
})
