import assert from 'node:assert/strict'
import { test } from 'node:test'
import { areAll, isOptionalFlag, isOptionalNumber, isOptionalText, isText } from './field-checks.ts'

test('the checks of optional fields accept an absent field and nothing of another type', () => {
  for (const [check, good] of [
    [isOptionalText, 'a'],
    [isOptionalFlag, false],
    [isOptionalNumber, 0],
  ] as const)
    for (const value of [undefined, null, 'a', 0, false, [], {}])
      assert.equal(
        check(value),
        value === undefined || value === good,
        `${check.name} ${JSON.stringify(value)}`,
      )
})

test('areAll() accepts an empty list, and refuses what is not a list or has a wrong member', () => {
  assert.equal(areAll([], isText), true)
  assert.equal(areAll(['a', 'b'], isText), true)
  assert.equal(areAll(['a', 1], isText), false)
  assert.equal(areAll({ length: 0 }, isText), false)
  assert.equal(areAll(undefined, isText), false)
})
