import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type Domain, Stasis, defineDomain } from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { oldestQemu } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

async function untilOff(domain: Domain): Promise<void> {
  for (let attempt = 0; (await domain.state()).state !== 'shut off'; attempt++) {
    assert.ok(attempt < 200, 'it still runs')
    await delay(100)
  }
}

const SCREEN = `<video><model type='vga' vram='16384' heads='1' primary='yes'/></video>`

for (const { label, emulator } of oldestQemu()) {
  test(`media, screen and keys of a machine, on QEMU ${label}`, async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const [first, second] = [dir.join('one.iso'), dir.join('two.iso')]
    for (const path of [first, second]) await writeFile(path, Buffer.alloc(65536, path))
    const serial = { type: 'file', path: dir.join('serial') } as const
    const drive = `<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='${first}'/><target dev='sda' bus='sata'/></disk>`
    const xml = domainXml({ name: 'tiny', guest: 'tiny', emulator, serial })
    await defineDomain(xml.replace('<audio', `${drive}${SCREEN}<audio`), { stateDir })
    const run = async (exitCode: number, ...args: readonly string[]): Promise<string> => {
      const result = await stasis(stateDir, ...args)
      assert.equal(result.exitCode, exitCode, `${args.join(' ')}: ${result.stderr}`)
      return (exitCode === 0 ? result.stdout : result.stderr).trimEnd()
    }
    const says = (line: string): Promise<string> => run(0, ...line.split(' '))
    const medium = async (...more: readonly string[]): Promise<string> =>
      /sda +(\S+)/.exec(await run(0, 'domblklist', 'tiny', ...more))?.[1] ?? ''
    const web = await new Stasis({ stateDir }).domain('tiny')

    // Off: the definition.
    assert.equal(await says('change-media tiny sda --eject'), 'Successfully ejected media.')
    assert.equal(await medium(), '-')
    assert.match(await run(3, 'change-media', 'tiny', 'sda', '--eject'), /doesn't have media/)
    assert.match(await run(3, 'change-media', 'tiny', 'vda', '--eject'), /No CD-ROM or floppy/)
    assert.match(await run(2, 'change-media', 'tiny', 'sda'), /source was not specified/)
    await run(2, 'change-media', 'tiny', 'sda', first, '--eject')
    assert.equal(
      await says(`change-media tiny sda ${first} --insert`),
      'Successfully inserted media.',
    )
    assert.match(await run(3, 'change-media', 'tiny', 'sda', second, '--insert'), /already has/)
    await says(`change-media tiny ${first} ${second} --update`)
    assert.equal(await medium(), second)
    await run(3, 'change-media', 'tiny', 'sda', first, '--live')
    const argv = await says('domxml-to-native qemu-argv --domain tiny')
    assert.match(argv, new RegExp(`^${emulator} \\\\\\n-name guest=tiny,`))
    await run(2, 'domxml-to-native', 'qemu-argv')
    await run(3, 'screenshot', 'tiny')

    await web.start()
    try {
      const inDrive = async (): Promise<string | undefined> => {
        const reply = await web.machine.command({ execute: 'query-block' })
        const drives = ('return' in reply ? reply.return : []) as readonly {
          readonly qdev?: string
          readonly inserted?: { readonly file: string }
        }[]
        return drives.find(({ qdev }) => qdev === 'sata0-0-0')?.inserted?.file
      }
      const nodes = async (): Promise<number> => {
        const reply = await web.machine.command({ execute: 'query-named-block-nodes' })
        return 'return' in reply ? (reply.return as readonly unknown[]).length : -1
      }
      const before = await nodes()
      assert.equal(await inDrive(), second)
      await says(`change-media tiny sda ${first}`)
      assert.equal(await inDrive(), first)
      assert.equal(await nodes(), before, 'the old medium is closed')
      assert.equal(await medium(), first)
      assert.equal(await medium('--inactive'), second)
      // A medium that QEMU cannot open leaves the old one.
      assert.match(await run(6, 'change-media', 'tiny', 'sda', dir.join('none')), /none/)
      assert.equal(await inDrive(), first)
      assert.equal(await nodes(), before)
      assert.match(await says('change-media tiny sda --eject --print-xml'), /^<disk type="file"/)
      assert.equal(await inDrive(), first)

      // Out before a save: the image does not need it, and the restored machine has an empty drive.
      await says('change-media tiny sda --eject')
      assert.equal(await inDrive(), undefined)
      await says(`save tiny ${dir.join('image')}`)
      assert.doesNotMatch(await says(`save-image-dumpxml ${dir.join('image')}`), /\.iso/)
      await says(`restore ${dir.join('image')}`)
      assert.equal(await inDrive(), undefined)
      await web.machine.changeMedia('sda', {
        source: first,
        config: true,
        live: true,
      })
      assert.equal(await inDrive(), first)
      assert.equal(await medium('--inactive'), first)
      await says(`save tiny ${dir.join('image')}`)
      await says(`restore ${dir.join('image')}`)
      assert.equal(await inDrive(), first)
      await says('change-media tiny sda --eject --force')

      // The screen.
      const shot = await says(`screenshot tiny ${dir.join('shot.png')}`)
      assert.equal(shot, `Screenshot saved to ${dir.join('shot.png')}, with type of image/png`)
      const png = await readFile(dir.join('shot.png'))
      assert.deepEqual([...png.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10])
      await says(`screenshot tiny ${dir.join('shot.ppm')} --screen 0`)
      assert.equal((await readFile(dir.join('shot.ppm'))).subarray(0, 2).toString(), 'P6')
      assert.equal((await web.machine.screenshot()).format, 'png')
      await run(6, 'screenshot', 'tiny', dir.join('no.png'), '--screen', '3')

      // The keyboard.
      assert.equal(await says('send-key tiny KEY_LEFTCTRL KEY_LEFTALT KEY_DELETE --holdtime 5'), '')
      await says('send-key tiny --codeset qnum 28 0x9c')
      await says('send-key tiny 111')
      assert.match(await run(2, 'send-key', 'tiny', 'KEY_NONE'), /invalid keycode: 'KEY_NONE'/)
      assert.match(await run(2, 'send-key', 'tiny', '1', '--codeset', 'xt'), /linux and qnum/)
      assert.match(await run(3, 'dompmsuspend', 'tiny', 'mem'), /has no channel for a guest agent/)
      await run(2, 'dompmsuspend', 'tiny', 'elsewhere')

      // This guest has nothing that handles an interrupt, so it resets, which ends the domain.
      assert.equal(await says('inject-nmi tiny'), '')
      await untilOff(web)
    } finally {
      await web.destroy().catch(() => undefined)
    }
  })
}
