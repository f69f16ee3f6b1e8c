import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assertGoesOn } from './support/fixture-guest.ts'
import { FIXTURES, placeFixture, qemusFor } from './support/fixtures.ts'
import { tempDir } from './support/temp-dir.ts'

describe('images that real libvirt wrote', () => {
  for (const fixture of FIXTURES) {
    for (const { label, emulator } of qemusFor(fixture)) {
      test(`${fixture.name} goes on in QEMU ${label}`, { timeout: 60_000 }, async () => {
        await using dir = await tempDir()
        await assertGoesOn(fixture, placeFixture(fixture, dir), emulator)
      })
    }
  }

  test('there is a QEMU for each', () => {
    for (const fixture of FIXTURES) assert.notEqual(qemusFor(fixture).length, 0, fixture.name)
  })
})
