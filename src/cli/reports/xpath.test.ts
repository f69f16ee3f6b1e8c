import assert from 'node:assert/strict'
import { test } from 'node:test'
import { selectedXml } from './xpath.ts'

const XML = `<domain>
  <name>web</name>
  <devices>
    <disk type='file'>
      <target dev='vda'/>
    </disk>
    <disk type='file'>
      <target dev='vdb'/>
    </disk>
  </devices>
</domain>`

const CASES: readonly (readonly [expression: string, plain: string, wrapped: string])[] = [
  [
    '//target',
    '<target dev="vda"/>\n<target dev="vdb"/>',
    '<nodes>\n  <target dev="vda"/>\n  <target dev="vdb"/>\n</nodes>',
  ],
  ['//target/@dev', ' dev="vda"\n dev="vdb"', '<nodes dev="vdb"/>'],
  ['/domain/name/text()', 'web', '<nodes>web</nodes>'],
  ['//nothing', '', '<nodes/>'],
  [
    "//disk[target/@dev='vdb']",
    '<disk type="file">\n  <target dev="vdb"/>\n</disk>',
    '<nodes>\n  <disk type="file">\n    <target dev="vdb"/>\n  </disk>\n</nodes>',
  ],
  ['count(//disk)', '2', '2'],
]

for (const [expression, plain, wrapped] of CASES) {
  test(`selectedXml() prints ${expression} as virsh 9.0 does`, () => {
    assert.equal(selectedXml(XML, { xpath: expression }), plain)
    assert.equal(selectedXml(XML, { xpath: expression, wrap: true }), wrapped)
  })
}

test('selectedXml() throws BAD_ARGUMENT for an expression that is wrong', () => {
  for (const expression of ['//[', 'zork(1)', '//a:b'])
    assert.throws(() => selectedXml(XML, { xpath: expression }), { code: 'BAD_ARGUMENT' })
})
