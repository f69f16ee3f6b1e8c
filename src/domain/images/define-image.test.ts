import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { type TempDir, tempDir } from '../../../test/support/temp-dir.ts'
import { smallXml, writeRawImage } from '../../../test/support/test-store.ts'
import { readDescription } from '../../image/open-image.ts'
import { defineImage } from './define-image.ts'

const XML = smallXml({ name: 'web', devices: "<serial type='pty'/>" })

async function image(dir: TempDir): Promise<string> {
  await writeRawImage(dir.join('a.save'), { xml: XML, wasRunning: true })
  return dir.join('a.save')
}

test('defineImage() replaces the XML when the guest sees no difference', async () => {
  await using dir = await tempDir()
  const path = await image(dir)
  const { id } = await readDescription(path)
  const changed = await defineImage(path, async (xml) => {
    assert.equal(xml, XML)
    return xml.replace("type='pty'", "type='null'")
  })
  assert.equal(changed, true)
  const description = await readDescription(path)
  assert.ok(description.xml.includes("<serial type='null'"))
  assert.equal(description.wasRunning, true)
  assert.equal(description.id, id)
})

test('defineImage() changes nothing when the guest would see a difference, or the XML is malformed', async () => {
  await using dir = await tempDir()
  const path = await image(dir)
  const before = await readFile(path)
  for (const [xml, code] of [
    [XML.replace('>64<', '>128<'), 'IMAGE_INCOMPATIBLE'],
    ['<domain', 'XML_MALFORMED'],
  ] as const)
    await assert.rejects(
      defineImage(path, () => Promise.resolve(xml)),
      { code },
    )
  assert.ok(before.equals(await readFile(path)))
})

test('defineImage() changes only the run state when there is no XML', async () => {
  await using dir = await tempDir()
  const path = await image(dir)
  const keep = (): Promise<undefined> => Promise.resolve(undefined)
  assert.equal(await defineImage(path, keep, { resumeAs: 'paused' }), false)
  assert.equal((await readDescription(path)).wasRunning, false)
  await defineImage(path, keep)
  assert.equal((await readDescription(path)).wasRunning, false)
  await defineImage(path, keep, { resumeAs: 'running' })
  const { xml, wasRunning } = await readDescription(path)
  assert.deepEqual([xml, wasRunning], [XML, true])
})
