import { describe, test } from 'node:test'
import { interopBeds } from '../support/interop-beds.ts'
import { type Journey, keepResults } from '../support/interop-results.ts'
import { bedObstacle, holdLibvirt } from '../support/libvirt-bed.ts'
import { type Side, TravellingGuest } from '../support/travelling-guest.ts'

/** Each side saves for each side: one guest goes round, and is with Stasis again at the end. */
const ROUND: readonly (readonly [saver: Side, restorer: Side])[] = [
  ['stasis', 'stasis'],
  ['stasis', 'virsh'],
  ['virsh', 'virsh'],
  ['virsh', 'stasis'],
]

const skip = bedObstacle() ?? false

for (const { version, emulator, machines, formats, linuxFormats } of interopBeds()) {
  describe(`real libvirt ${version}`, { skip }, () => {
    test('guests go between it and Stasis', { timeout: 3_600_000 }, async (t) => {
      await using bed = await holdLibvirt(version)
      const journeys: Journey[] = []
      await using started = new AsyncDisposableStack()
      const guests = []
      for (const guest of ['tiny', 'linux'] as const) {
        for (const machine of ['q35', 'pc'] as const) {
          const kind = { guest, emulator, machine: machines[machine] }
          const traveller = started.use(await TravellingGuest.start(bed, kind))
          guests.push({ guest, machine, traveller })
        }
      }

      for (const format of formats) {
        if (version === '9.0') await bed.setFormat(format.format)
        for (const { guest, machine, traveller } of guests) {
          if (guest === 'linux' && !linuxFormats[machine].includes(format)) continue
          await t.test(`${guest}, ${machine}, ${JSON.stringify(format)}`, async () => {
            await traveller.goOn()
            for (const [saver, restorer] of ROUND) {
              const startMs = performance.now()
              const path = await traveller.save(saver, 'image', format)
              const savedMs = performance.now()
              await traveller.restore(restorer, path)
              const restoredMs = performance.now()
              await traveller.assertItself()
              const times = { saveMs: savedMs - startMs, restoreMs: restoredMs - savedMs }
              const imageBytes = await traveller.sizeOf(path)
              journeys.push({
                ...{ guest, machine, saver, restorer },
                ...format,
                imageBytes,
                ...times,
              })
            }
            await traveller.putAside()
          })
        }
      }
      const versions = await bed.virsh('version')
      await keepResults(version, { versions, journeys })
    })
  })
}
