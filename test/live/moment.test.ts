import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { domainInfo, saveLive } from '../../src/index.ts'
import { keepAct } from '../../src/domain/acts/keep-act.ts'
import { HeldDomain } from '../../src/domain/catalogue/held-domain.ts'
import { saveLiveHeld } from '../../src/domain/live/live-save.ts'
import type { AtStop } from '../../src/domain/live/ways/live-way.ts'
import { precopyObstacles } from '../../src/domain/live/ways/precopy-obstacles.ts'
import { openControl } from '../../src/domain/machine/monitor.ts'
import type { LiveSaveResult, LiveWayName } from '../../src/index.ts'
import { probeMigration } from '../../src/migration/features.ts'
import { imageMemory, momentOf } from '../support/image-memory.ts'
import { OutsideMemory } from '../support/outside-memory.ts'
import { isLongRun, oldestQemu, qemus, withQemu11 } from '../support/qemus.ts'
import { newestSent } from '../support/sent-pages.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

const MIB = 2 ** 20
/** Of the 14 MiB that the guest has above its code. */
const PAGES = 2048
const ROUNDS = isLongRun() ? 20 : 1

/** A live save that does something while the guest is stopped. */
async function saveAtStop(
  { stateDir }: TinyDomain,
  path: string,
  way: LiveWayName,
  atStop: AtStop,
): Promise<LiveSaveResult> {
  await using held = await HeldDomain.find('tiny', 'save', { stateDir })
  const plan = { act: 'save', reference: 'tiny' } as const
  const options = { stateDir, operation: 'save', way, timeoutMs: 300, atStop } as const
  return await keepAct(
    { plan, directories: { stateDir }, facts: () => ({}), onWarning: undefined },
    (act) => saveLiveHeld(held, path, { ...options, act }),
  )
}

const capable = withQemu11(qemus()).filter(({ major }) => major >= 9)

for (const { label, emulator, missing, skipMost } of capable) {
  describe(
    `a live save of a guest that writes all the time, QEMU ${label}`,
    { skip: missing ?? skipMost },
    () => {
      test('is one moment, and the guest finds its memory right', async () => {
        await using tiny = await startTinyDomain({ emulator, writes: { pages: PAGES, rate: 0 } })
        const { stateDir, dir, log } = tiny
        await log.advance(3)
        let passes = 0
        for (let round = 0; round < ROUNDS; round += 1) {
          await saveLive('tiny', dir.join('image'), { stateDir })
          const { pass } = momentOf(await imageMemory(dir.join('image')), PAGES)
          assert.ok(pass > passes, `pass ${pass} after ${passes}`)
          passes = pass
          await log.advance(2)
        }
        await log.assertUnbroken()
      })
    },
  )
}

/** QEMU before 9.0 misses writes of a guest without KVM in a precopy: notes/qemu/dirty-pages.md. */
const each = withQemu11(qemus()).flatMap((qemu) =>
  (['write-protect', 'precopy'] as const)
    .filter((way) => qemu.major >= 9 || way === 'write-protect')
    .map((way) => ({ ...qemu, way })),
)

for (const { label, emulator, missing, skipMost, way } of each) {
  test(
    `a live save by ${way} has the memory of the stop, byte for byte, while something else is done then, QEMU ${label}`,
    { skip: missing ?? skipMost },
    async () => {
      await using tiny = await startTinyDomain({ emulator, writes: { pages: PAGES, rate: 0 } })
      const { stateDir, dir, log } = tiny
      await log.advance(3)
      const { id } = await domainInfo('tiny', { stateDir })
      await using outside = await OutsideMemory.open(id as number, 16 * MIB)
      let atStop: Buffer = Buffer.alloc(0)
      const saved = await saveAtStop(tiny, dir.join('image'), way, async (stopped) => {
        await stopped
        atStop = await outside.read(0, 16 * MIB)
      })
      assert.ok(saved.live.pauseMs > 0)
      const memory = await imageMemory(dir.join('image'))
      assert.deepEqual(changedPages(atStop, memory), [], 'the image is the memory of the stop')
      await log.advance(2)
      const now = await outside.read(0, 16 * MIB)
      assert.ok(!now.equals(atStop), 'the guest has written since')
      await log.assertUnbroken()
    },
  )
}

for (const { label, emulator, major } of isLongRun() ? qemus() : oldestQemu()) {
  test(`an image by precopy has the newest version of each page that QEMU sent, QEMU ${label}`, async () => {
    await using tiny = await startTinyDomain({ emulator, writes: { pages: PAGES, rate: 0 } })
    const { stateDir, dir, log } = tiny
    await log.advance(3)
    assert.deepEqual(await precopyCodes(stateDir), major < 9 ? ['LOSES_WRITES'] : [])
    const options = { stateDir, way: 'precopy', timeoutMs: 300 } as const
    let warnings: readonly string[] = []
    const sent = await newestSent(async () => {
      ;({ warnings } = await saveLive('tiny', dir.join('image'), options))
    })
    assert.deepEqual(changedPages(sent, await imageMemory(dir.join('image'))), [])
    assert.equal(warnings.join().includes('misses writes'), major < 9)
    await log.advance(1)
    await log.assertUnbroken()
  })
}

/** Why precopy is not chosen for the running domain if no way is asked for. */
async function precopyCodes(stateDir: string): Promise<readonly string[]> {
  await using held = await HeldDomain.look('tiny', 'save --live --check', { stateDir })
  await using control = await openControl(held.paths)
  const features = await probeMigration(control)
  const guest = { held, record: held.requireRunning(), control, features, request: {} }
  return (await precopyObstacles(guest)).map(({ code }) => code)
}

/** The pages that differ, each with the number of bytes that do and the first of them. */
function changedPages(before: Buffer, after: Buffer): readonly string[] {
  const changed: string[] = []
  for (let start = 0; start < before.length; start += 4096) {
    const [old, now] = [before, after].map((bytes) => bytes.subarray(start, start + 4096))
    if (old === undefined || now === undefined || old.equals(now)) continue
    const bytes = [...old.keys()].filter((at) => old[at] !== now[at])
    changed.push(`page ${start / 4096}: ${bytes.length} bytes from ${bytes[0]}`)
  }
  return changed
}
