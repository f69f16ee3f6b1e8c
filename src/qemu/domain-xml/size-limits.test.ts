import assert from 'node:assert/strict'
import { test } from 'node:test'

import { findExcess } from './size-limits.ts'

test('findExcess() finds elements that are nested too deeply or too many', () => {
  assert.equal(findExcess('<a>'.repeat(64) + '</a>'.repeat(64)), -1)
  assert.equal(findExcess('<a>'.repeat(65)), 64 * 3)
  assert.equal(findExcess(`<a>${'<b/>'.repeat(49_999)}</a>`), -1)
  assert.ok(findExcess(`<a>${'<b/>'.repeat(50_000)}</a>`) > 0)
})

test('findExcess() is not misled by comments, quotes and CDATA', () => {
  const decoys = [`<!--${'<a>'.repeat(99)}-->`, `<a b="${'>'.repeat(99)}"/>`, `<a b='/'>x</a>`]
  decoys.push(`<![CDATA[${'<a>'.repeat(99)}]]>`, `<?pi ${'<a>'.repeat(99)}?>`)
  for (const decoy of decoys) assert.equal(findExcess(decoy.repeat(99)), -1, decoy)
})

test('findExcess() needs one pass even for texts built to need many', () => {
  const start = performance.now()
  for (const part of ['<!--', '<a "<a" ', `<a '"' `, '<![CDATA[']) findExcess(part.repeat(500_000))
  assert.ok(performance.now() - start < 5_000)
})
