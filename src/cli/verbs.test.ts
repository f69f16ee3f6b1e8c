import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { VERBS, VERB_GROUPS } from './verbs.ts'

test('VERB_GROUPS has every verb once (add a new one in verbs.ts)', async () => {
  const grouped = VERB_GROUPS.flatMap(({ verbs }) => verbs.map(({ name }) => name))
  const files = await readdir(join(import.meta.dirname, 'verbs'))
  const names = files.filter((file) => !file.endsWith('.test.ts')).map((file) => file.slice(0, -3))
  assert.deepEqual(grouped.toSorted(), names.toSorted())
  assert.deepEqual(grouped.toSorted(), VERBS.map(({ name }) => name).toSorted())
})
