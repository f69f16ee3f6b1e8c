import assert from 'node:assert/strict'
import { mkdir, readFile, readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  defineDomain,
  destroyDomain,
  domainInfo,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { oldestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

/** The programs that share a directory. */
async function sharing(directory: string): Promise<readonly string[]> {
  const lines = await Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name))
      .map((name) => readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')),
  )
  return lines.filter((line) => line.includes(`source=${directory}`))
}

function withDirectory(name: string, emulator: string, serial: string, xml: string): string {
  return domainXml({ name, guest: 'tiny', emulator, serial: { type: 'file', path: serial } })
    .replace('<memballoon', `${xml}<memballoon`)
    .replace('<vcpu', "<memoryBacking><access mode='shared'/></memoryBacking><vcpu")
}

for (const { emulator, label } of oldestQemu()) {
  test(`a 9p directory that is not mounted is in the image; virtiofs starts, and its save is refused by the reason of QEMU ${label}`, async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const shared = dir.join('shared')
    await using stack = new AsyncDisposableStack()
    for (const name of ['nine', 'fs'])
      stack.defer(async () => {
        await destroyDomain(name, { stateDir }).catch(() => undefined)
      })
    await mkdir(shared)
    const xml = (kind: string): string =>
      `<filesystem type='mount'>${kind}<source dir='${shared}'/><target dir='tag'/></filesystem>`
    const one = withDirectory('nine', emulator, dir.join('s1'), xml(''))
    await defineDomain(one, { stateDir })
    await startDomain('nine', { stateDir })
    await saveDomain('nine', dir.join('image'), { stateDir })
    await restoreDomain(dir.join('image'), { stateDir })
    await destroyDomain('nine', { stateDir })

    const two = withDirectory('fs', emulator, dir.join('s2'), xml("<driver type='virtiofs'/>"))
    await defineDomain(two, { stateDir })
    await startDomain('fs', { stateDir })
    assert.notEqual((await sharing(shared)).length, 0)
    await assert.rejects(saveDomain('fs', dir.join('other'), { stateDir }), {
      code: 'QEMU_REFUSED',
      message: /cannot be saved: .*vhost-user-fs/,
    })
    assert.equal((await domainInfo('fs', { stateDir })).state, 'running')
    await destroyDomain('fs', { stateDir })
    for (let times = 0; times < 100 && (await sharing(shared)).length > 0; times++) await delay(20)
    assert.deepEqual(await sharing(shared), [])
  })
}
