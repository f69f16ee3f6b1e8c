import { describe, test } from 'node:test'
import { interopBeds } from '../support/interop-beds.ts'
import { type Journey, keepResults } from '../support/interop-results.ts'
import { bedObstacle, holdLibvirt } from '../support/libvirt-bed.ts'
import { type Side, type TravelFormat, TravellingGuest } from '../support/travelling-guest.ts'

/** Each side saves for each side: one guest goes all ways, and is with Stasis again at the end. */
const ROUND: readonly (readonly [saver: Side, restorer: Side])[] = [
  ['stasis', 'stasis'],
  ['stasis', 'virsh'],
  ['virsh', 'virsh'],
  ['virsh', 'stasis'],
]

const skip = bedObstacle() ?? false

for (const { version, emulator, machines, formats, whole } of interopBeds()) {
  describe(`real libvirt ${version}`, { skip }, () => {
    test('guests go between it and Stasis', { timeout: 3_600_000 }, async (t) => {
      await using bed = await holdLibvirt(version)
      const journeys: Journey[] = []
      const versions = await bed.virsh('version')
      for (const guest of ['tiny', 'linux'] as const) {
        for (const machine of ['q35', 'pc'] as const) {
          const kind = { guest, emulator, machine: machines[machine] }
          await using traveller = await TravellingGuest.start(bed, kind)
          for (const format of formats[guest][machine]) {
            await t.test(`${guest}, ${machine}, ${JSON.stringify(format)}`, async () => {
              if (version === '9.0') await bed.setFormat(format.format)
              for (const [saver, restorer] of ROUND) {
                // Other tests do this in every run.
                if (!whole && saver === 'stasis' && restorer === 'stasis') continue
                const measured = await travel(traveller, { saver, restorer, format })
                journeys.push({ guest, machine, saver, restorer, ...format, ...measured })
              }
            })
            await keepResults(version, { versions, journeys })
          }
        }
      }
    })
  })
}

/** One save and one restore, after which the guest must be unchanged. */
async function travel(
  traveller: TravellingGuest,
  options: { readonly saver: Side; readonly restorer: Side; readonly format: TravelFormat },
): Promise<Pick<Journey, 'imageBytes' | 'saveMs' | 'restoreMs'>> {
  const { saver, restorer, format } = options
  const startMs = performance.now()
  const path = await traveller.save(saver, 'image', format)
  const savedMs = performance.now()
  await traveller.restore(restorer, path)
  const restoredMs = performance.now()
  await traveller.assertItself()
  const imageBytes = await traveller.sizeOf(path)
  return { imageBytes, saveMs: savedMs - startMs, restoreMs: restoredMs - savedMs }
}
