import assert from 'node:assert/strict'
import { copyFile, readFile, readdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import {
  checkSave,
  defineDomain,
  destroyDomain,
  domainInfo,
  listDomains,
  monitorCommand,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { guestPaths } from '../support/guests.ts'
import { newestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

for (const { emulator, label } of newestQemu()) {
  test(`a transient disk is as before when its domain has ended, and no save of it is made, on QEMU ${label}`, async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const disk = dir.join('disk.img')
    const overlay = `${disk}.TRANSIENT-kiosk`
    await copyFile(guestPaths().tinyDisk, disk)
    const before = await readFile(disk)
    const serial = { type: 'file', path: dir.join('serial') } as const
    const xml = domainXml({ name: 'kiosk', guest: 'tiny', emulator, serial, diskPath: disk })
    await defineDomain(xml.replace("<target dev='vda' bus='virtio'/>", '$&<transient/>'), {
      stateDir,
    })
    await using stack = new AsyncDisposableStack()
    stack.defer(async () => {
      await destroyDomain('kiosk', { stateDir }).catch(() => undefined)
    })
    const { id } = await startDomain('kiosk', { stateDir })
    await new CounterLog(serial.path).advance(2)
    const line = 'qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend "write -P 7 0 512"'
    const command = { execute: 'human-monitor-command', arguments: { 'command-line': line } }
    assert.deepEqual(await monitorCommand('kiosk', command, { stateDir }), { return: '' })
    assert.ok((await readFile(overlay)).includes(Buffer.alloc(512, 7)))
    assert.deepEqual(await readFile(disk), before)

    const reason = /disk vda is transient, and the writes of the guest to it end/
    const { obstacles } = await checkSave('kiosk', dir.join('image'), { stateDir })
    assert.match(obstacles.join(), reason)
    await assert.rejects(saveDomain('kiosk', dir.join('image'), { stateDir }), {
      code: 'DOMAIN_WRONG_STATE',
      message: reason,
    })
    assert.equal((await domainInfo('kiosk', { stateDir })).state, 'running')

    await destroyDomain('kiosk', { stateDir })
    assert.deepEqual(await readdir(dir.path), ['disk.img', 'serial', 'state'])

    // The next command removes what a power cut or a killed QEMU leaves.
    const second = await startDomain('kiosk', { stateDir })
    process.kill(second.id, 'SIGKILL')
    assert.notEqual(second.id, id)
    while ((await listDomains({ stateDir })).some(({ state }) => state === 'running'));
    await startDomain('kiosk', { stateDir })
    await destroyDomain('kiosk', { stateDir })
    assert.deepEqual(await readdir(dir.path), ['disk.img', 'serial', 'state'])
    assert.deepEqual(await readFile(disk), before)

    // A file that is not ours stays.
    await writeFile(overlay, 'of another host')
    await assert.rejects(startDomain('kiosk', { stateDir }), { code: 'FILE_EXISTS' })
    assert.equal(await readFile(overlay, 'utf8'), 'of another host')
  })
}
