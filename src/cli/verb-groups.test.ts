import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VERB_GROUPS } from './verb-groups.ts'
import { VERBS } from './verbs.ts'

test('VERB_GROUPS has every verb once (add a new one in verb-groups.ts)', () => {
  const grouped = VERB_GROUPS.flatMap(({ verbs }) => verbs)
  assert.deepEqual(grouped.toSorted(), VERBS.map(({ name }) => name).toSorted())
})
