import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { testPageStore } from '../../../test/support/page-store.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { LoadedFrames } from './loaded-frames.ts'

test('LoadedFrames shows frames as they are loaded, and pages without a frame as zero, but not at first', async () => {
  await using dir = await tempDir()
  const blocks = [{ name: 'pc.ram', pageCount: 64 }]
  const frames = [
    { block: 0, firstPage: 16, pageCount: 16 },
    { block: 0, firstPage: 0, pageCount: 8 },
  ]
  await using store = await testPageStore(dir.join('frames'), blocks, frames, { codec: 'none' })
  const loaded = new LoadedFrames(store.pages)
  // Frames are numbered by page.
  loaded.add([0])
  assert.equal(loaded.shown(), undefined)
  await delay(210)
  assert.equal(
    loaded.shown()?.cells,
    `${'r'.repeat(8)}${'z'.repeat(8)}${'.'.repeat(16)}${'z'.repeat(32)}`,
  )
  loaded.add(Uint32Array.of(1))
  const { cells, zeroBytes, rawBytes } = loaded.shown() ?? { cells: '' }
  assert.equal(cells.indexOf('.'), -1)
  assert.deepEqual([zeroBytes, rawBytes], [40 * 4096, 24 * 4096])
})
