import type { Element } from '@xmldom/xmldom'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  child,
  childText,
  children,
  flag,
  requiredAttribute,
  requiredChild,
  sizeInBytes,
  whole,
} from './access.ts'
import { place } from './location.ts'
import { parseXml } from './parse-xml.ts'

function root(xml: string): Element {
  return parseXml(xml).documentElement as Element
}

test('children() and child() find elements only, in document order', () => {
  const element = root('<a>text<b n="1"/><!-- <b/> --><c/><b n="2"><b n="3"/></b></a>')
  assert.deepEqual(
    children(element, 'b').map((one) => one.getAttribute('n')),
    ['1', '2'],
  )
  assert.equal(children(element).length, 3)
  assert.equal(child(element, 'b')?.getAttribute('n'), '1')
  assert.equal(child(element, 'd'), undefined)
  assert.equal(childText(undefined, 'b'), undefined)
})

test('whole() and flag() read absent values as undefined, and refuse other texts', () => {
  const element = root('<a dec="12" hex="0x1f" bad="1.5" yes="yes" on="on" no="no"/>')
  assert.equal(whole(element, 'dec'), 12)
  assert.equal(whole(element, 'hex'), 31)
  assert.equal(whole(element, 'none'), undefined)
  assert.throws(() => whole(element, 'bad'), { code: 'XML_INVALID', message: /@bad/ })
  assert.deepEqual(
    ['yes', 'on', 'no', 'none'].map((name) => flag(element, name)),
    [true, true, false, undefined],
  )
})

test('requiredChild() and requiredAttribute() throw with the place', () => {
  const element = root('<a>\n<b empty=""/></a>')
  const b = requiredChild(element, 'b')
  for (const missing of [
    (): unknown => requiredChild(b, 'c'),
    (): unknown => requiredAttribute(b, 'empty'),
    (): unknown => requiredAttribute(b, 'none'),
  ])
    assert.throws(missing, { code: 'XML_INVALID', message: /^\/a\/b \(line 2\)/ })
})

test('sizeInBytes() multiplies by the unit, KiB by default', () => {
  assert.equal(sizeInBytes(root('<m>2</m>')), 2048)
  assert.equal(sizeInBytes(root("<m unit='MB'>2</m>")), 2_000_000)
  assert.equal(sizeInBytes(root("<m size='3' unit='b'/>"), 'size'), 3)
  assert.equal(sizeInBytes(root('<m>2</m>'), undefined, 'b'), 2)
  for (const xml of ["<m unit='yards'>2</m>", '<m>2.5</m>', "<m unit='EiB'>9007199254740991</m>"])
    assert.throws(() => sizeInBytes(root(xml)), { code: 'XML_INVALID' }, xml)
  assert.throws(() => sizeInBytes(root('<m/>'), 'size'), { code: 'XML_INVALID' })
})

test('place() numbers siblings of one name, and names attributes', () => {
  const element = root('<a><b/><c/><b x="1"/></a>')
  const [first, , third] = children(element)
  assert.match(first === undefined ? '' : place(first), /^\/a\/b\[1\]/)
  const attribute = third?.getAttributeNode('x')
  assert.match(attribute ? place(attribute) : '', /^\/a\/b\[2\]\/@x/)
  assert.match(place(requiredChild(element, 'c')), /^\/a\/c \(/)
})
