import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { defineDomain, destroyDomain, domainInfo, startDomain } from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { oldestQemu } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const DEVICES = `
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <graphics type='vnc' port='-1' autoport='yes' passwd='sesame'><listen type='address' address='127.0.0.1'/></graphics>
    <video><model type='vga' vram='16384' heads='1' primary='yes'/></video>`

for (const { label, emulator } of oldestQemu()) {
  test(`dumpxml shows what a running domain has, on QEMU ${label}`, async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const plain = domainXml({ name: 'tiny', guest: 'tiny', emulator, serial: { type: 'pty' } })
    const xml = plain.replace('<audio', `${DEVICES}<audio`).replace("'KiB'>16384", "'MiB'>16")
    await defineDomain(xml, { stateDir })
    const says = async (...args: readonly string[]): Promise<string> => {
      const result = await stasis(stateDir, ...args)
      assert.equal(result.exitCode, 0, `${args.join(' ')}: ${result.stderr}`)
      return result.stdout.trimEnd()
    }
    const select = (expression: string): Promise<string> =>
      says('dumpxml', 'tiny', '--xpath', expression)
    const definition = await says('dumpxml', 'tiny')
    assert.match(definition, /<memory unit='KiB'>16384</)

    await startDomain('tiny', { stateDir })
    try {
      const { id } = await domainInfo('tiny', { stateDir })
      assert.equal(await select('number(/domain/@id)'), String(id))
      const terminal = await says('ttyconsole', 'tiny')
      assert.equal(await select('//serial/source/@path'), ` path="${terminal}"`)
      assert.equal(await select('string(//console/@tty)'), terminal)
      const display = await says('vncdisplay', 'tiny')
      const port = 5900 + Number(display.split(':')[1])
      assert.equal(await select('string(//graphics/@port)'), String(port))
      assert.equal(await select('string(//channel/target/@state)'), 'disconnected')
      const socket = await select('string(//channel/source/@path)')
      assert.match(socket, /\/channel0\.sock$/)
      assert.equal(await select('string(//interface/alias/@name)'), 'net0')
      assert.equal(await select('string(//graphics/@passwd)'), '*****')
      assert.equal(await says('dumpxml', 'tiny', '--inactive'), definition)
      const migratable = await says('dumpxml', 'tiny', '--migratable')
      assert.equal(migratable, definition.replace("'*****'", "'sesame'"))

      // What is shown of a running domain does not become a part of its definition, or of its image.
      await writeFile(dir.join('live'), await says('dumpxml', 'tiny', '--security-info'))
      await says('define', dir.join('live'))
      const defined = await says('dumpxml', 'tiny', '--inactive')
      assert.equal(defined.replace(" listen='127.0.0.1'", ''), definition)
      await says('save', 'tiny', dir.join('image'), '--xml', dir.join('live'))
      const saved = await says('save-image-dumpxml', dir.join('image'))
      assert.doesNotMatch(saved, /<alias|state='disconnected'|dev\/pts|channel0\.sock/)
      const target = await says('save-image-dumpxml', dir.join('image'), '--xpath', '//disk/target')
      assert.equal(target, '<target dev="vda" bus="virtio"/>')
      await says('restore', dir.join('image'))
      assert.equal(await select('string(//interface/alias/@name)'), 'net0')
    } finally {
      await destroyDomain('tiny', { stateDir })
    }
  })
}
