import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineDomain, destroyDomain, domainInfo, startDomain } from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { newestQemu } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const DISPLAYS = `
    <graphics type='vnc' port='-1' autoport='yes'><listen type='address' address='127.0.0.1'/></graphics>
    <video><model type='vga' vram='16384' heads='1' primary='yes'/></video>`

for (const { label, emulator } of newestQemu()) {
  test(`small looks at a domain that is off and that runs, on QEMU ${label}`, async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const plain = domainXml({ name: 'tiny', guest: 'tiny', emulator, serial: { type: 'pty' } })
    const xml = plain
      .replace('</name>', '</name><title>A title</title><description>Some\nwords</description>')
      .replace('<audio', `${DISPLAYS}<audio`)
    await defineDomain(xml, { stateDir })
    const says = async (line: string, exitCode = 0): Promise<string> => {
      const result = await stasis(stateDir, ...line.split(' '))
      assert.equal(result.exitCode, exitCode, `${line}: ${result.stderr}`)
      return (exitCode === 0 ? result.stdout : result.stderr).trimEnd()
    }
    const { uuid } = await domainInfo('tiny', { stateDir })

    assert.equal(await says('domid tiny'), '-')
    assert.equal(await says(`domname ${uuid.toUpperCase()}`), 'tiny')
    assert.equal(await says('domuuid --domain tiny'), uuid)
    assert.equal(await says('desc tiny --title'), 'A title')
    assert.equal(await says('desc tiny'), 'Some\nwords')
    const disks = (await says('domblklist tiny --details')).split('\n')
    assert.match(disks[0] ?? '', /^ Type   Device   Target   Source$/)
    assert.match(disks[2] ?? '', /^ file   disk     vda      \/.*$/)
    const cards = (await says('-q domiflist tiny --inactive')).trim().split(/ +/)
    assert.deepEqual(cards.slice(0, 4), ['-', 'user', '-', 'virtio'])
    for (const verb of ['vncdisplay', 'domdisplay', 'ttyconsole'])
      assert.match(await says(`${verb} tiny`, 3), /^error: Domain 'tiny' is not running/)

    await startDomain('tiny', { stateDir })
    try {
      const { id } = await domainInfo('tiny', { stateDir })
      assert.equal(await says('domid tiny'), String(id))
      assert.equal(await says(`domname ${id}`), 'tiny')
      const display = await says('vncdisplay tiny')
      assert.match(display, /^127\.0\.0\.1:\d+$/)
      assert.equal(await says('domdisplay tiny'), `vnc://${display}`)
      assert.match(await says('domdisplay tiny --type spice', 3), /has no spice display/)
      assert.match(await says('ttyconsole tiny'), /^\/dev\/pts\/\d+$/)
    } finally {
      await destroyDomain('tiny', { stateDir })
    }
  })
}
