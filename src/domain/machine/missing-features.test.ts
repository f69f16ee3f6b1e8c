import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cookieWithProcessor, processorInCookie } from '../cookie/processor-cookie.ts'
import { lacksFeatures, missingFeatures } from './missing-features.ts'

const HAD = new Map([
  ['1:ECX', 0b1001],
  ['7.0:EBX', 0x8000_0020],
  ['d.1:EAX', 1],
])

test('missingFeatures() names what a processor had and another one lacks', () => {
  assert.deepEqual(missingFeatures(HAD, HAD), [])
  assert.deepEqual(missingFeatures(HAD, new Map([...HAD, ['9:EAX', 7]])), [])
  const has = new Map([
    ['1:ECX', 0b1],
    ['7.0:EBX', 0],
  ])
  const missing = ['monitor', 'avx2', 'avx512vl', 'bit 0 of CPUID d.1:EAX']
  assert.deepEqual(missingFeatures(HAD, has), missing)
  assert.match(lacksFeatures('/a', missing).message, /avx2, avx512vl/)
})

test('a cookie keeps the words of a processor, and one from elsewhere does not stop a restore', () => {
  const cookie = cookieWithProcessor('<cookie>\n</cookie>\n', HAD)
  assert.deepEqual(processorInCookie(cookie), HAD)
  for (const other of [undefined, '<cookie/>', '<cookie', cookie.replace('<stasis', '<<')])
    assert.equal(processorInCookie(other), undefined)
  const odd = cookie.replace('1:ECX=9', '1:ECX=zz')
  assert.deepEqual([...(processorInCookie(odd) ?? [])].length, 2)
})
