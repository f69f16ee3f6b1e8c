import assert from 'node:assert/strict'
import { copyFile } from 'node:fs/promises'
import { test } from 'node:test'
import {
  defineDomain,
  destroyDomain,
  monitorCommand,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { guestPaths } from '../support/guests.ts'
import { qemus } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

const LIMITS = `<iotune><total_bytes_sec>1000000</total_bytes_sec><read_iops_sec>70</read_iops_sec><write_iops_sec>30</write_iops_sec>
<read_iops_sec_max>90</read_iops_sec_max><group_name>slow</group_name></iotune>`

for (const { emulator, label } of qemus()) {
  test(`a disk has the limits of its XML after a start and after a restore, on QEMU ${label}`, async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    await copyFile(guestPaths().tinyDisk, dir.join('disk'))
    const serial = { type: 'file', path: dir.join('serial') } as const
    const xml = domainXml({
      ...{ name: 'slow', guest: 'tiny', emulator, serial },
      diskPath: dir.join('disk'),
    })
    await using stack = new AsyncDisposableStack()
    stack.defer(async () => {
      await destroyDomain('slow', { stateDir }).catch(() => undefined)
    })
    const check = async (): Promise<void> => {
      const reply = await monitorCommand('slow', { execute: 'query-block' }, { stateDir })
      assert.ok('return' in reply)
      const [disk] = reply.return as readonly { readonly inserted: Record<string, unknown> }[]
      const { bps, bps_rd, iops_rd, iops_wr, iops_rd_max, group } = disk?.inserted ?? {}
      assert.deepEqual(
        { bps, bps_rd, iops_rd, iops_wr, iops_rd_max, group },
        { bps: 1000000, bps_rd: 0, iops_rd: 70, iops_wr: 30, iops_rd_max: 90, group: 'slow' },
      )
    }
    await defineDomain(xml.replace("<target dev='vda' bus='virtio'/>", `$&${LIMITS}`), { stateDir })
    await startDomain('slow', { stateDir })
    await check()
    await saveDomain('slow', dir.join('image'), { stateDir })
    await restoreDomain(dir.join('image'), { stateDir })
    await check()
  })
}
