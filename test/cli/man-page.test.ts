import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { manText } from '../../scripts/man-text.ts'
import { VERBS } from '../../src/cli/verbs.ts'

const path = join(import.meta.dirname, '../../docs/stasis.1')

test('docs/stasis.1 is the output of scripts/man-page.ts', async () => {
  assert.equal(await readFile(path, 'utf8'), await manText(), 'run `npm run man`')
})

test('docs/stasis.1 has every verb with an example', async () => {
  const sections = (await readFile(path, 'utf8')).replaceAll('\\-', '-').split('\n.SS ')
  for (const { name } of VERBS) {
    const section = sections.find((text) => text.startsWith(`\\fB${name}\\fR`))
    assert.match(section ?? '', new RegExp(`Example:\\n\\.RS 4\\n\\.nf\\n.*stasis ${name}`), name)
  }
})
