import assert from 'node:assert/strict'
import { readdir, readlink, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { openFileConsole } from './console-streams.ts'

async function isOpenHere(path: string): Promise<boolean> {
  const names = await readdir('/proc/self/fd')
  const targets = await Promise.all(
    names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => undefined)),
  )
  return targets.includes(path)
}

for (const read of [false, true]) {
  test(`openFileConsole() leaves no descriptor when it was ${read ? '' : 'not '}read`, async () => {
    await using dir = await tempDir()
    const path = dir.join('serial')
    await writeFile(path, 'hello')
    {
      await using console = await openFileConsole(path)
      assert.ok(await isOpenHere(path))
      if (read) assert.equal(String((await console.output.iterator().next()).value), 'hello')
    }
    for (let looks = 0; looks < 100 && (await isOpenHere(path)); looks += 1);
    assert.ok(!(await isOpenHere(path)))
  })
}
