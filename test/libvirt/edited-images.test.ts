import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { defineImage } from '../../src/domain/images/define-image.ts'
import { editImage } from '../../src/domain/images/edit-image.ts'
import { CounterLog } from '../support/counter-log.ts'
import { interopBeds } from '../support/interop-beds.ts'
import { type EditedImage, keepResults } from '../support/interop-results.ts'
import { bedObstacle, holdLibvirt, type LibvirtBed } from '../support/libvirt-bed.ts'
import { type Side, TravellingGuest } from '../support/travelling-guest.ts'

/** Which side saved an image, and which side edited it and how. The side that did not edit restores it. */
const CASES: readonly (readonly [saver: Side, editor: Side, verb: 'define' | 'edit'])[] = [
  ['stasis', 'virsh', 'define'],
  ['virsh', 'virsh', 'edit'],
  ['stasis', 'stasis', 'edit'],
  ['virsh', 'stasis', 'define'],
]

const skip = bedObstacle() ?? false

for (const { version, emulator, machines, editedFormats } of interopBeds()) {
  describe(`images edited on the way to and from libvirt ${version}`, { skip }, () => {
    test('restore, with the changes', { timeout: 1_800_000 }, async (t) => {
      await using bed = await holdLibvirt(version)
      const edited: EditedImage[] = []
      for (const format of editedFormats) {
        if (version === '9.0') await bed.setFormat(format.format)
        for (const [saver, editor, verb] of CASES) {
          const restorer = editor === 'stasis' ? 'virsh' : 'stasis'
          const what = `${format.format}: saved by ${saver}, ${verb} by ${editor}, restored by ${restorer}`
          await t.test(what, async () => {
            const kind = { guest: 'tiny', machine: machines.q35, emulator } as const
            await using guest = await TravellingGuest.start(bed, kind)
            if (saver === 'virsh') {
              await guest.restore('virsh', await guest.save('stasis', 'first', { format: 'raw' }))
            }
            const image = await guest.save(saver, 'image', format)
            await change(bed, guest, { image, editor, verb })
            await guest.restore(restorer, image)
            await assertGoesOnInNewLog(guest)
            edited.push({ format: format.format, saver, editor, verb, restorer })
          })
        }
      }
      await keepResults(version, { edited })
    })
  })
}

const LOGS = [/\/log'/g, "/log2'"] as const

/** Changes the path of the serial port's log, with the editing side's own verb. */
async function change(
  bed: LibvirtBed,
  guest: TravellingGuest,
  options: { readonly image: string; readonly editor: Side; readonly verb: 'define' | 'edit' },
): Promise<void> {
  const { image, editor, verb } = options
  const program = guest.dir.join('editor')
  const script = `#!/bin/sh\nsed -i "s#/log'#/log2'#g" "$1"\n`
  await writeFile(program, script, { mode: 0o700 })
  if (editor === 'stasis') {
    const changed =
      verb === 'edit'
        ? await editImage(image, { editor: program, onFault: async () => Promise.resolve(false) })
        : await defineImage(image, async (xml) =>
            Promise.resolve({ text: xml.replaceAll(...LOGS), path: 'given.xml' }),
          )
    assert.ok(changed)
  } else if (verb === 'edit') {
    await bed.virshWithEditor(program, 'save-image-edit', image)
  } else {
    const xml = await bed.virsh('save-image-dumpxml', image)
    await writeFile(guest.dir.join('given.xml'), xml.replaceAll(...LOGS))
    await bed.virsh('save-image-define', image, guest.dir.join('given.xml'))
  }
}

/** The new log continues the old one, although a line may be torn between them. */
async function assertGoesOnInNewLog({ dir }: TravellingGuest): Promise<void> {
  const log = await readFile(dir.join('log'), 'latin1')
  const deadline = Date.now() + 30_000
  for (let lines = 0; lines < 4;) {
    assert.ok(Date.now() < deadline, 'the guest writes to the new log')
    await delay(50)
    const more = await readFile(dir.join('log2'), 'latin1').catch(() => '')
    lines = more.split('\n').length
    await writeFile(dir.join('joined'), log + more)
  }
  await new CounterLog(dir.join('joined')).assertUnbroken()
}
