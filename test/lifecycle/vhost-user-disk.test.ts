import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  checkImage,
  defineDomain,
  destroyDomain,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { guestPaths } from '../support/guests.ts'
import { qemus } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

/** QEMU's own server of such disks. */
async function serve(disk: string, socket: string): Promise<ChildProcess> {
  const server = spawn('qemu-storage-daemon', [
    ...['--blockdev', `driver=file,node-name=disk,filename=${disk}`],
    ...['--export', `vhost-user-blk,id=e,node-name=disk,addr.type=unix,addr.path=${socket}`],
  ])
  for (let times = 0; times < 500 && !existsSync(socket); times++) await delay(20)
  return server
}

for (const { emulator, label } of qemus()) {
  test(`a guest whose disk is another process is saved and restored on QEMU ${label}`, async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const socket = dir.join('disk.sock')
    await copyFile(guestPaths().tinyDisk, dir.join('disk.img'))
    const server = await serve(dir.join('disk.img'), socket)
    const serial = { type: 'file', path: dir.join('serial') } as const
    const xml = domainXml({ name: 'vhost', guest: 'tiny', emulator, serial })
      .replace("<disk type='file'", "<disk type='vhostuser'")
      .replace(/<source file='[^']*'\/>/, `<source type='unix' path='${socket}'/>`)
      .replace('<readonly/>', '')
      .replace(
        '<vcpu',
        `<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking><vcpu`,
      )
    try {
      await defineDomain(xml, { stateDir })
      await startDomain('vhost', { stateDir })
      const log = new CounterLog(serial.path)
      await log.advance(2)
      await saveDomain('vhost', dir.join('image'), { stateDir })
      const { findings } = await checkImage(dir.join('image'), { stateDir })
      assert.deepEqual(
        findings.filter(({ severity }) => severity === 'error'),
        [],
      )
      await restoreDomain(dir.join('image'), { stateDir })
      await log.advance(2)
      await log.assertUnbroken()
    } finally {
      await destroyDomain('vhost', { stateDir }).catch(() => undefined)
      server.kill()
      await once(server, 'exit')
    }
  })
}
