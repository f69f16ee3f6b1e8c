import assert from 'node:assert/strict'
import { copyFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  Stasis,
  defineDomain,
  destroyDomain,
  listImages,
  managedSaveDomain,
  pruneImages,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { convertImage } from '../../src/domain/images/convert-image.ts'
import { domainXml } from '../support/domain-xml.ts'
import { guestPaths } from '../support/guests.ts'
import { startLinuxDomain } from '../support/linux-domain.ts'
import { qemus } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

test('images lists what was written here, says what is stale, needed, gone or unreadable, and prune deletes only the rest', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const disk = dir.join('disk')
  await copyFile(guestPaths().tinyDisk, disk)
  const serial = { type: 'file', path: dir.join('serial') } as const
  const emulator = qemus()[0]?.emulator ?? ''
  const options = { guest: 'tiny', emulator, serial, diskPath: disk } as const
  await defineDomain(domainXml({ name: 'web', ...options }), { stateDir })
  const states = async (): Promise<readonly string[]> => {
    const { images, faults } = await listImages({ stateDir })
    assert.deepEqual(faults, [])
    return images
      .map(({ path, state, uses }) => {
        const needs = uses.map(({ domain, use }) => `, ${domain} ${use}`).join('')
        return `${path.split('/').at(-1)}: ${state}${needs}`
      })
      .toSorted()
  }
  const [first, copy, second] = [dir.join('1.save'), dir.join('1.raw'), dir.join('2.save')]

  await startDomain('web', { stateDir })
  try {
    await saveDomain('web', first, { stateDir })
    await convertImage(first, copy, { stateDir, format: 'raw' })
    assert.deepEqual(await states(), ['1.raw: restorable', '1.save: restorable, web state'])
    const [listed] = (await listImages({ stateDir })).images.filter(({ path }) => path === first)
    assert.equal(listed?.domain, 'web')
    assert.equal(listed.format, 'stasis')
    assert.equal(listed.fileBytes, (await stat(first)).size)
    assert.ok(Date.now() - Date.parse(listed.savedAt ?? '') < 600_000)

    // The guest is in it: it stays, whatever is asked.
    const all = { stateDir, olderThanDays: 0, keep: 0 }
    const plan = await pruneImages({ ...all, dryRun: true })
    assert.deepEqual(
      plan.deleted.map(({ path }) => path),
      [copy],
    )
    await stat(copy)
    const named = await pruneImages({ stateDir, files: [first] })
    assert.match(named.kept[0]?.reason ?? '', /domain 'web' needs it \(state\)/)

    await restoreDomain(first, { stateDir, mode: 'lazy' })
    const during = (await states()).at(-1)
    assert.match(during ?? '', /^1.save: (in use, web memory|restorable)/)
    await new Stasis({ stateDir }).domain('web').then((web) => web.allMemory())
    await saveDomain('web', second, { stateDir })
    await restoreDomain(second, { stateDir, mode: 'load' })
    await managedSaveDomain('web', { stateDir })
    await writeFile(disk, 'changed', { flag: 'a' })
    assert.deepEqual(await states(), [
      '1.raw: stale',
      '1.save: stale',
      '2.save: stale',
      'web.save: stale, web managed save',
    ])

    // Another file with the name of an image is not that image.
    await rename(second, first)
    await writeFile(copy, 'no image')
    assert.deepEqual(await states(), [
      '1.raw: unreadable',
      '1.save: gone',
      '1.save: stale',
      '2.save: gone',
      'web.save: stale, web managed save',
    ])
    const before = await readdir(join(stateDir, 'images'))
    const text = await stasis(stateDir, 'images', '--domain', 'web')
    assert.equal(text.exitCode, 0, text.stderr)
    assert.match(text.stdout, /web +\d{4}-.*stale +\/.*1\.save/)
    assert.match(text.stdout, /was written to|bytes, not/)
    assert.deepEqual(await readdir(join(stateDir, 'images')), before, 'a look writes nothing')

    const pruned = await stasis(stateDir, '--json', 'images', '--prune', '--keep', '0')
    assert.equal(pruned.exitCode, 0, pruned.stderr)
    const answer = JSON.parse(pruned.stdout) as {
      deleted: { path: string }[]
      forgotten: { path: string }[]
    }
    assert.deepEqual(
      answer.deleted.map(({ path }) => path),
      [first],
    )
    assert.deepEqual(answer.forgotten.map(({ path }) => path).toSorted(), [first, second])
    assert.deepEqual(await states(), ['1.raw: unreadable', 'web.save: stale, web managed save'])
    await stat(copy)

    const managed = join(stateDir, 'save', 'web.save')
    const last = await pruneImages({ stateDir, files: [managed] })
    assert.deepEqual(
      last.deleted.map(({ path }) => path),
      [managed],
    )
    await assert.rejects(stat(managed), { code: 'ENOENT' })
    const unknown = await stasis(stateDir, 'images', '--prune', dir.join('serial'))
    assert.equal(unknown.exitCode, 2)
    await rm(copy)
    assert.deepEqual(await states(), ['1.raw: gone'])
  } finally {
    await destroyDomain('web', { stateDir }).catch(() => undefined)
  }
})

const newest = qemus().at(-1)

test(
  'an image that a guest is mapped from is in use and stays',
  { skip: (newest?.major ?? 0) < 9 && 'QEMU before 8.1 takes no offset into a file' },
  async () => {
    const emulator = newest?.emulator ?? ''
    await using linux = await startLinuxDomain({ emulator, changeXml: (xml) => xml })
    const { stateDir, name, dir } = linux
    const image = dir.join('image')
    await saveDomain(name, image, { stateDir, compression: 'none' })
    await restoreDomain(image, { stateDir, mode: 'map' })
    const uses = async (): Promise<string> => {
      const { images } = await listImages({ stateDir })
      const [found] = images.filter(({ path }) => path === image)
      return `${found?.state}: ${found?.uses.map(({ domain, use }) => `${domain} ${use}`).join()}`
    }
    assert.equal(await uses(), 'in use: linux memory')
    for (const options of [{ olderThanDays: 0 }, { keep: 0 }, { files: [image] }]) {
      assert.deepEqual((await pruneImages({ stateDir, ...options })).deleted, [])
      await stat(image)
    }
    await destroyDomain(name, { stateDir })
    assert.equal(await uses(), 'restorable: ')
    const { deleted } = await pruneImages({ stateDir, keep: 0 })
    assert.deepEqual(
      deleted.map(({ path }) => path),
      [image],
    )
  },
)
