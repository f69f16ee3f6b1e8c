import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { destroyDomain } from '../../src/domain/lifecycle/destroy.ts'
import { restoreDomain } from '../../src/domain/restore/restore.ts'
import type { RestoreOptions } from '../../src/domain/restore/restore-request.ts'
import { resumeDomain } from '../../src/domain/lifecycle/resume.ts'
import { FIXTURE_SUM, type Fixture, fixtureXml } from './fixtures.ts'
import { tempDir } from './temp-dir.ts'
import { waitForLine } from './guest-console.ts'

/** Restores an image of a fixture's guest, and asserts that the guest continues where it was, with the right memory. */
export async function assertGoesOn(
  fixture: Fixture,
  path: string,
  emulator: string,
  options: RestoreOptions = {},
): Promise<void> {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const log = dir.join('serial')
  const text = fixtureXml(fixture, dir, emulator, log)
  const restored = await restoreDomain(path, { stateDir, xml: { text }, ...options })
  try {
    assert.equal(restored.state, fixture.paused ? 'paused' : 'running', path)
    if (fixture.paused) await resumeDomain(restored.name, { stateDir })
    const second = counter(fixture.next + 1)
    await waitForLine(log, new RegExp(`^CNT ${second} SUM ${FIXTURE_SUM}$`))
    // The line that the guest was writing when it was saved comes first, without its beginning.
    const first = readFileSync(log, 'latin1')
      .split('\r\n')
      .find((line) => line.startsWith('CNT'))
    assert.equal(first, `CNT ${counter(fixture.next)} SUM ${FIXTURE_SUM}`, path)
  } finally {
    await destroyDomain(restored.name, { stateDir }).catch(() => undefined)
  }
}

function counter(value: number): string {
  return value.toString(16).padStart(8, '0')
}
