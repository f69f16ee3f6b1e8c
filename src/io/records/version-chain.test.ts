import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { addVersion, newestVersion } from './version-chain.ts'

test('addVersion() lets one of many callers add the next version', async () => {
  await using dir = await tempDir()
  const chain = dir.join('a/chain')
  assert.equal(await newestVersion(chain), undefined)
  for (let before = 0; before < 8; before += 1) {
    const texts = Array.from({ length: 12 }, (_, caller) => `${before} ${caller}`)
    const added = await Promise.all(texts.map((text) => addVersion(chain, before, text)))
    assert.equal(added.filter(Boolean).length, 1)
    const newest = await newestVersion(chain)
    assert.deepEqual(newest, { number: before + 1, text: texts[added.indexOf(true)] })
  }
  // The oldest are gone, and no draft is left.
  assert.deepEqual((await readdir(chain)).toSorted(), ['5.json', '6.json', '7.json', '8.json'])
})

test('addVersion() does not make a version again that was removed meanwhile', async () => {
  await using dir = await tempDir()
  for (const number of [0, 1, 2, 3, 4, 5, 6])
    assert.equal(await addVersion(dir.path, number, String(number)), true)
  assert.equal(await addVersion(dir.path, 1, 'slow'), false)
  assert.equal((await newestVersion(dir.path))?.text, '6')
  assert.deepEqual(
    (await readdir(dir.path)).filter((name) => /^(1|2)\.json$|partial/.test(name)),
    [],
  )
})

test('newestVersion() counts numbers, not texts, and ignores other names', async () => {
  await using dir = await tempDir()
  for (const name of ['9.json', '10.json', '.11.draft', '012.json', 'x.json'])
    await writeFile(dir.join(name), name)
  assert.equal((await newestVersion(dir.path))?.number, 10)
})
