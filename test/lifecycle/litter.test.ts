import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { restoreDomain, saveDomain } from '../../src/index.ts'
import { waitForAllMemory } from '../../src/domain/store/postcopy-state.ts'
import { domainXml } from '../support/domain-xml.ts'
import { faultEnvironment } from '../support/faults/fault-environment.ts'
import { pathsOf } from '../support/page-server.ts'
import { newestQemu } from '../support/qemus.ts'
import { startStasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'
import { processesOf } from '../support/watchers.ts'

/** Waits until something is so. */
async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo(); waited += 5) {
    if (waited > 60_000) assert.fail(`never: ${what}`)
    await delay(5)
  }
}

for (const { label, emulator } of newestQemu()) {
  test(`a command that is killed while it asks a QEMU leaves neither QEMU nor directory, QEMU ${label}`, async () => {
    await using dir = await tempDir()
    const temporary = dir.join('tmp')
    await mkdir(temporary)
    const serial = { type: 'file', path: dir.join('serial') } as const
    const xml = dir.join('tiny.xml')
    await writeFile(xml, domainXml({ name: 'tiny', guest: 'tiny', emulator, serial }))
    const isProbe = (line: string): boolean => line.includes('-machine\0none')
    const { child, ended } = startStasis(dir.join('state'), ['define', xml], { TMPDIR: temporary })
    await until('a QEMU is asked', () => processesOf(temporary, isProbe).length > 0)
    child.kill('SIGKILL')
    await ended
    await until('it ends', () => processesOf(temporary, isProbe).length === 0)
    await until('its directory is gone', () => readdirSync(temporary).length === 0)
    await until('its watcher ends', () => processesOf(temporary, () => true).length === 0)
  })
}

test('a killed conversion leaves no part of its image', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir, log } = tiny
  await log.advance(1)
  const image = dir.join('image')
  await saveDomain('tiny', image, { stateDir })
  for (const format of ['stasis', 'channels', 'raw', 'sparse']) {
    const isPart = (): boolean => readdirSync(dir.path).some((name) => name.startsWith('.out'))
    const argv = ['image-convert', image, dir.join('out'), '--format', format]
    const { child, ended } = startStasis(stateDir, argv)
    await until(`a part of ${format}`, () => isPart() || child.exitCode !== null)
    child.kill('SIGKILL')
    await ended
    await until(`no part of ${format}`, () => !isPart())
    await until(
      'no watcher',
      () => processesOf(dir.path, (line) => line.includes('killed-')).length === 0,
    )
  }
})

test('parts that killed writers of another format left are removed by the next writer', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir, log } = tiny
  await log.advance(1)
  const part = dir.join('.image.1.0123456789abcdef0123456789abcdef.partial')
  await writeFile(part, 'x')
  await saveDomain('tiny', dir.join('image'), { stateDir, format: 'raw' })
  assert.equal(existsSync(part), false)
})

test('a lazy restore leaves nothing beside its image', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir, log } = tiny
  await log.advance(1)
  await mkdir(dir.join('images'))
  await saveDomain('tiny', dir.join('images', 'image'), { stateDir })
  await restoreDomain(dir.join('images', 'image'), { stateDir, mode: 'lazy' })
  await waitForAllMemory('tiny', pathsOf(tiny), undefined)
  await log.advance(1)
  assert.deepEqual(await readdir(dir.join('images')), ['image'])
})

test('a save that fails while it records its disks leaves no part of the record', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir, log } = tiny
  await log.advance(1)
  const argv = ['save', 'tiny', dir.join('image')]
  const fault = faultEnvironment({ fault: `fsync:EIO:1:${dir.join('.image')}` })
  const { exitCode, stderr } = await startStasis(stateDir, argv, fault).ended
  assert.equal(exitCode, 7, stderr)
  const left = (await readdir(join(stateDir, 'images'))).filter((name) => name.startsWith('.'))
  assert.deepEqual(left, [])
  await log.advance(1)
})
