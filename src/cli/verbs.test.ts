import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { VERB_GROUPS } from './verbs.ts'

test('VERB_GROUPS has every verb once, from the folder of its group (add a new one in verb-groups/)', async () => {
  const grouped = VERB_GROUPS.flatMap(({ keyword, verbs }) =>
    verbs.map(({ name }) => `${keyword}/${name}.ts`),
  )
  const files = await readdir(join(import.meta.dirname, 'verbs'), { recursive: true })
  const verbs = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  assert.deepEqual(grouped.toSorted(), verbs.toSorted())
})
