import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  numberRanges,
  parseMac,
  parseNumberSet,
  parseUuid,
  parseWhole,
  unitFactor,
} from './values.ts'

test('unitFactor() returns the size of each of libvirt’s units', () => {
  const units = {
    b: 1,
    bytes: 1,
    KB: 1000,
    k: 1024,
    KiB: 1024,
    MB: 1e6,
    M: 1024 ** 2,
    MiB: 1024 ** 2,
  }
  for (const [unit, factor] of Object.entries(units)) assert.equal(unitFactor(unit), factor, unit)
  assert.equal(unitFactor('GiB'), 1024 ** 3)
  assert.equal(unitFactor('TB'), 1e12)
  for (const unit of ['', 'KK', 'pages', 'Kib ', 'iB'])
    assert.equal(unitFactor(unit), undefined, unit)
})

test('parseWhole() accepts only decimal and hexadecimal numbers', () => {
  assert.equal(parseWhole('0x1f'), 31)
  assert.equal(parseWhole('017'), 17)
  for (const text of ['', '-1', '1.5', '1e3', '0x', ' 1', '9007199254740993']) {
    assert.equal(parseWhole(text), undefined, text)
  }
})

test('parseUuid() writes any UUID with its hyphens', () => {
  const uuid = '11111111-2222-3333-4444-000000000ABC'
  assert.equal(parseUuid(uuid), uuid.toLowerCase())
  assert.equal(parseUuid(uuid.replaceAll('-', '')), uuid.toLowerCase())
  assert.equal(parseUuid('11111111-2222'), undefined)
})

test('parseMac() refuses multicast addresses', () => {
  assert.equal(parseMac('52:54:0:A:b:C'), '52:54:00:0a:0b:0c')
  assert.equal(parseMac('01:00:5e:00:00:01'), undefined)
  assert.equal(parseMac('52:54:00:12:34'), undefined)
})

test('numberRanges() writes what parseNumberSet() reads', () => {
  assert.deepEqual(numberRanges([0, 1, 2, 5, 7, 8]), ['0-2', '5', '7-8'])
  assert.deepEqual(numberRanges([]), [])
})

test('parseNumberSet() reads ranges and exceptions', () => {
  assert.deepEqual(parseNumberSet('0-3,^2,8'), [0, 1, 3, 8])
  for (const text of ['', '3-1', 'a', '0-99999'])
    assert.equal(parseNumberSet(text), undefined, text)
})
