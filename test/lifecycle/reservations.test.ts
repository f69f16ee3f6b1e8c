import assert from 'node:assert/strict'
import { copyFile, readFile, readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  defineDomain,
  destroyDomain,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { guestPaths } from '../support/guests.ts'
import { newestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

/** The programs that make reservations for domains of a runtime directory. */
async function helpers(runtimeDir: string): Promise<readonly string[]> {
  const lines = await Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name))
      .map((name) => readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')),
  )
  return lines.filter((line) => line.includes('qemu-pr-helper') && line.includes(runtimeDir))
}

async function untilNone(runtimeDir: string): Promise<void> {
  for (let times = 0; times < 200 && (await helpers(runtimeDir)).length > 0; times++)
    await delay(20)
  assert.deepEqual(await helpers(runtimeDir), [])
}

for (const { emulator, label } of newestQemu()) {
  test(`the program that makes reservations lives as long as its QEMU, on QEMU ${label}`, async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    await copyFile(guestPaths().tinyDisk, dir.join('disk'))
    const serial = { type: 'file', path: dir.join('serial') } as const
    const xml = domainXml({
      ...{ name: 'shared', guest: 'tiny', emulator, serial },
      diskPath: dir.join('disk'),
    })
    await using stack = new AsyncDisposableStack()
    stack.defer(async () => {
      await destroyDomain('shared', { stateDir }).catch(() => undefined)
    })
    const managed = "<reservations managed='yes'/></source>"
    await defineDomain(xml.replace(/(<source file='[^']*')\/>/, `$1>${managed}`), { stateDir })
    await startDomain('shared', { stateDir })
    const log = new CounterLog(serial.path)
    await log.advance(2)
    assert.notEqual((await helpers(dir.path)).length, 0)
    await saveDomain('shared', dir.join('image'), { stateDir })
    await untilNone(dir.path)
    const { id } = await restoreDomain(dir.join('image'), { stateDir })
    await log.advance(2)
    assert.notEqual((await helpers(dir.path)).length, 0)
    process.kill(id, 'SIGKILL')
    await untilNone(dir.path)
  })
}
