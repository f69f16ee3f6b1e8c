import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { postcopyProgress, recoverPostcopy } from '../../src/migration/postcopy.ts'
import { isDiskLocked } from '../../src/migration/qemu-words.ts'
import { contVm } from '../../src/migration/run-state.ts'
import { QmpConnection } from '../../src/qmp/connection.ts'
import { qemus, withQemu11 } from '../support/qemus.ts'
import { startSmallGuest } from '../support/small-guest.ts'
import { tempDir } from '../support/temp-dir.ts'

// On every QEMU every day: these compare text, and any version may change it.
for (const { label, emulator, missing } of withQemu11(qemus())) {
  const options = { skip: missing ?? false, timeout: 60_000 }

  test(
    `isDiskLocked() recognises the refusal of a disk that another QEMU uses [${label}]`,
    options,
    async () => {
      await using dir = await tempDir()
      const withDisk = async (name: string): Promise<readonly string[]> => {
        await writeFile(dir.join(name), Buffer.alloc(65536))
        const drive = `file=${dir.join(name)},format=raw,if=none,id=d`
        return ['-drive', drive, '-device', 'virtio-blk,drive=d']
      }
      const contested = await withDisk('contested')
      // A machine that waits for another takes its disks when it runs.
      await using target = await startSmallGuest(emulator, [
        ...contested,
        '-S',
        '-incoming',
        'defer',
      ])
      await using _user = await startSmallGuest(emulator, contested)
      await using source = await startSmallGuest(emulator, [...(await withDisk('own')), '-S'])
      const uri = `unix:${join(target.directory, 'stream')}`
      await target.qmp.execute('migrate-incoming', { uri })
      await source.qmp.execute('migrate', { uri })
      while ((await target.qmp.execute('query-status')).status === 'inmigrate') await delay(20)
      await assert.rejects(target.qmp.execute('cont'), isDiskLocked)
      await assert.rejects(contVm(target.qmp), {
        code: 'DISK_IN_USE',
        message: /Another machine uses a disk/,
      })
      const other = target.qmp.executeAny('device_del', { id: 'none' })
      await assert.rejects(other, (error) => !isDiskLocked(error))
    },
  )

  test(
    `recoverPostcopy() may be called again before a new source connects [${label}]`,
    options,
    async () => {
      await using dir = await tempDir()
      const monitor = dir.join('monitor')
      const target = await startSmallGuest(emulator, [
        ...['-S', '-incoming', 'defer', '-mon', 'chardev=o,mode=control'],
        ...['-chardev', `socket,id=o,path=${monitor},server=on,wait=off`],
      ])
      await using _target = target
      await using outOfBand = await QmpConnection.connect(monitor, { outOfBand: true })
      const uri = `unix:${dir.join('stream')}`
      const capabilities = [{ capability: 'postcopy-ram', state: true } as const]
      await target.qmp.execute('migrate-set-capabilities', { capabilities })
      await target.qmp.execute('migrate-incoming', { uri })
      {
        await using source = await startSmallGuest(emulator, ['-S'])
        await source.qmp.execute('migrate-set-capabilities', { capabilities })
        // So slow that it is under way when its source ends.
        await source.qmp.executeAny('migrate-set-parameters', {
          'max-bandwidth': 16384,
          'max-postcopy-bandwidth': 16384,
        })
        await source.qmp.execute('migrate', { uri })
        await source.qmp.executeAny('migrate-start-postcopy')
        while ((await postcopyProgress(target.qmp)).phase !== 'postcopy') await delay(20)
      }
      const isPaused = async (): Promise<boolean> => {
        const progress = await postcopyProgress(target.qmp)
        return progress.phase === 'postcopy' && progress.paused
      }
      while (!(await isPaused())) await delay(20)
      // The command itself, because `recoverPostcopy` would accept a refusal: none of these QEMUs refuses it.
      for (const path of ['first', 'second', 'second'])
        await outOfBand.executeOutOfBand('migrate-recover', { uri: `unix:${dir.join(path)}` })
      await recoverPostcopy(outOfBand, dir.join('third'))
      assert.equal(await isPaused(), true)
    },
  )
}
