import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cutToWidth, displayWidth, padToWidth } from './display-width.ts'

test('displayWidth() counts columns: two for CJK and emoji, none for marks', () => {
  for (const [text, width] of [
    ['', 0],
    ['web', 3],
    ['仮想機', 6],
    ['ｗｅｂ', 6],
    ['한국', 4],
    ['e\u0301te\u0301', 3],
    ['é', 1],
    ['🚀', 2],
    ['👩‍💻', 2],
    ['Ж', 1],
    ['●', 1],
    ['█', 1],
  ] as const)
    assert.equal(displayWidth(text), width, text)
})

test('padToWidth() fills up to a width in columns, and leaves what is longer', () => {
  assert.equal(padToWidth('仮想', 6), '仮想  ')
  assert.equal(padToWidth('web', 2), 'web')
})

test('cutToWidth() never exceeds the width and never splits a character', () => {
  assert.equal(cutToWidth('web', 3), 'web')
  assert.equal(cutToWidth('web-server', 5), 'web-…')
  assert.equal(cutToWidth('仮想機械', 6), '仮想…')
  assert.equal(cutToWidth('仮想機械', 5), '仮想…')
  assert.equal(cutToWidth('a👩‍💻b', 3), 'a…')
  assert.equal(cutToWidth('web', 0), '')
})
