import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { smallXml, writeRawImage } from '../../../test/support/test-store.ts'
import { readDescription } from '../../image/open-image.ts'
import { editImage } from './edit-image.ts'

const XML = smallXml({ name: 'web', devices: "<serial type='pty'/>" })

test('editImage() writes what the editor leaves, and reports whether it changed', async () => {
  await using dir = await tempDir()
  const path = dir.join('a.save')
  await writeRawImage(path, { xml: XML })
  const onFault = (): Promise<boolean> => assert.fail()
  assert.equal(await editImage(path, { editor: 'true', onFault }), false)
  assert.equal((await readDescription(path)).xml, XML)
  const editor = `sed -i "s/type='pty'/type='null'/"`
  assert.equal(await editImage(path, { editor, onFault }), true)
  assert.ok((await readDescription(path)).xml.includes("<serial type='null'"))
})

test('editImage() opens the refused text again on request, and throws the fault otherwise', async () => {
  await using dir = await tempDir()
  const path = dir.join('a.save')
  await writeRawImage(path, { xml: XML })
  // The first edit is refused. The second one changes what the first left.
  const editor = `sed -i -e "s/>128</>64</;t" -e "s/>64</>128</" -e "s/type='pty'/type='null'/"`
  const faults: unknown[] = []
  const onFault = async (error: unknown): Promise<boolean> => faults.push(error) === 1
  assert.equal(await editImage(path, { editor, onFault }), true)
  assert.deepEqual(
    faults.map((fault) => (fault as { code?: string }).code),
    ['IMAGE_INCOMPATIBLE'],
  )
  assert.ok((await readDescription(path)).xml.includes("<serial type='null'"))
  await assert.rejects(editImage(path, { editor, onFault }), { code: 'IMAGE_INCOMPATIBLE' })
})

test('editImage() throws when the editor fails, and asks nothing', async () => {
  await using dir = await tempDir()
  const path = dir.join('a.save')
  await writeRawImage(path, { xml: XML })
  const onFault = (): Promise<boolean> => assert.fail()
  await assert.rejects(editImage(path, { editor: 'false', onFault }), { code: 'BAD_ARGUMENT' })
})
