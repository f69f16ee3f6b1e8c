import assert from 'node:assert/strict'
import { readdir, rm } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { type ConvertOptions, convertImage } from '../../src/domain/images/convert-image.ts'
import { SAVE_FORMATS } from '../../src/image/format-table.ts'
import { assertGoesOn } from '../support/fixture-guest.ts'
import { FIXTURES, placeFixture, qemusFor } from '../support/fixtures.ts'
import { machineDigest } from '../support/machine-digest.ts'
import { tempDir } from '../support/temp-dir.ts'

const RECEIVERS: readonly ConvertOptions[] = SAVE_FORMATS.flatMap((format): ConvertOptions[] =>
  format === 'stasis'
    ? (['none', 'zlib', 'zstd'] as const).map((compression) => ({ format, compression }))
    : format === 'channels'
      ? [1, 3].map((channels) => ({ format, channels }))
      : [{ format }],
)

// Usually only the two that differ most; all of them with STASIS_LONG (npm run test:all).
const long = process.env['STASIS_LONG'] !== undefined
const EVERYDAY = ['lv9.0-q35-gzip', 'lv11.3-q35-sparse']
const chosen = FIXTURES.filter(({ name }) => long || EVERYDAY.includes(name))

describe('convertImage()', () => {
  for (const fixture of chosen) {
    test(`takes ${fixture.name} to every format and back`, { timeout: 300_000 }, async () => {
      await using dir = await tempDir()
      const path = placeFixture(fixture, dir)
      const original = await machineDigest(path)
      for (const target of RECEIVERS) {
        const what = `${fixture.name} to ${JSON.stringify(target)}`
        const there = dir.join('there')
        const { to } = await convertImage(path, there, { stateDir: dir.join('state'), ...target })
        assert.equal(to.format, target.format)
        assert.deepEqual(await machineDigest(there), original, what)
        const back = dir.join('back')
        const options = { stateDir: dir.join('state'), format: fixture.format }
        await convertImage(there, back, options)
        assert.deepEqual(await machineDigest(back), original, `${what} and back`)
        const files = (await readdir(dir.path)).filter((name) => /there|back/.test(name))
        await Promise.all(files.map((name) => rm(dir.join(name))))
      }
    })
  }

  for (const fixture of FIXTURES.filter(
    ({ name }) => name === 'lv9.0-q35-raw' || (long && name === 'lv11.3-q35-zstd'),
  )) {
    for (const { label, emulator } of qemusFor(fixture).slice(long ? 0 : -1)) {
      test(`${fixture.name} continues in QEMU ${label} from every format`, async () => {
        await using dir = await tempDir()
        const path = placeFixture(fixture, dir)
        for (const target of RECEIVERS) {
          const there = dir.join(`there-${target.format}-${target.compression}-${target.channels}`)
          await convertImage(path, there, { stateDir: dir.join('state'), ...target })
          await assertGoesOn(fixture, there, emulator)
        }
      })
    }
  }
})
