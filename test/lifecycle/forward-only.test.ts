import assert from 'node:assert/strict'
import { access, readFile, rm, writeFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import {
  defineDomain,
  listDomains,
  managedSaveDomain,
  saveDomain,
  setAutostart,
  startDomain,
} from '../../src/index.ts'
import { verifyImage } from '../../src/domain/images/verify-image.ts'
import { readDescription } from '../../src/image/open-image.ts'
import { withFault } from '../support/faults/with-fault.ts'
import type { CommandResult } from '../support/stasis-command.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

// After a name is removed or renamed, the change cannot be undone: a directory that cannot be flushed is a warning.

let tiny: TinyDomain
before(async () => {
  tiny = await startTinyDomain()
})
after(() => tiny[Symbol.asyncDispose]())

/** Runs a command in which one call fails, and checks that it did. */
async function withFailure(fault: string, ...argv: readonly string[]): Promise<CommandResult> {
  const result = await withFault(tiny, fault, ...argv)
  assert.ok(result.hasFailed, fault)
  return result
}

function assertWarns({ exitCode, stderr }: CommandResult, sentence: RegExp): void {
  assert.equal(exitCode, 0, stderr)
  assert.match(stderr, sentence)
}

const MAY_COME_BACK = 'but a power cut may undo this: Could not flush the directory'

async function names(): Promise<readonly string[]> {
  return (await listDomains({ stateDir: tiny.stateDir, all: true })).map(({ name }) => name)
}

test('managedsave-remove and autostart --disable succeed when the directory cannot be flushed', async () => {
  const { stateDir } = tiny
  const { image } = await managedSaveDomain('tiny', { stateDir })
  assertWarns(
    await withFailure('fsync:EIO:1:/state/save', 'managedsave-remove', 'tiny'),
    new RegExp(`^warning: ${image.path} is removed, ${MAY_COME_BACK}`),
  )
  await assert.rejects(access(image.path))
  await setAutostart('tiny', { stateDir })
  assertWarns(
    await withFailure('fsync:EIO:1:/state/autostart', 'autostart', 'tiny', '--disable'),
    new RegExp(`^warning: domain 'tiny' no longer starts with the host, ${MAY_COME_BACK}`),
  )
  const [domain] = await listDomains({ stateDir, all: true })
  assert.equal(domain?.autostart, false)
})

test('domrename and undefine succeed when the directory cannot be flushed', async () => {
  assertWarns(
    await withFailure('fsync:EIO:1:/state/domains', 'domrename', 'tiny', 'other'),
    new RegExp(`^warning: domain 'tiny' is now 'other', ${MAY_COME_BACK}`),
  )
  assert.deepEqual(await names(), ['other'])
  assertWarns(
    await withFailure('fsync:EIO:1:/state/domains', 'undefine', 'other'),
    new RegExp(`^warning: domain 'other' is undefined, ${MAY_COME_BACK}`),
  )
  assert.deepEqual(await names(), [])
  await defineDomain(tiny.xml, { stateDir: tiny.stateDir })
})

test('undefine names the managed save that it could not remove', async () => {
  const { stateDir } = tiny
  await startDomain('tiny', { stateDir })
  const { image } = await managedSaveDomain('tiny', { stateDir })
  assertWarns(
    await withFailure('unlink:EACCES:1:tiny.save', 'undefine', 'tiny', '--managed-save'),
    new RegExp(`^warning: Could not remove the file[^]*${image.path}`),
  )
  assert.deepEqual(await names(), [])
  await rm(image.path)
  await defineDomain(tiny.xml, { stateDir })
})

test('a save to a file ends the guest although its former managed save cannot be removed', async () => {
  const { stateDir, dir } = tiny
  await startDomain('tiny', { stateDir })
  const { image } = await managedSaveDomain('tiny', { stateDir })
  await startDomain('tiny', { stateDir, paused: true })
  const file = dir.join('file')
  const { exitCode, stderr } = await withFailure(
    'unlink:EACCES:1:tiny.save',
    ...['save', 'tiny', file],
  )
  assert.equal(exitCode, 0, stderr)
  assert.match(stderr, /warning: Could not remove the file/)
  const [domain] = await listDomains({ stateDir, all: true })
  assert.equal(domain?.state, 'shut off')
  await rm(image.path)
})

test('save-image-define leaves the older text, or the newer one and a warning', async () => {
  const { stateDir, dir } = tiny
  const file = dir.join('guest.save')
  await startDomain('tiny', { stateDir })
  await saveDomain('tiny', file, { stateDir })
  const older = (await readDescription(file)).xml
  const xml = dir.join('edited.xml')
  await writeFile(xml, older.replace('</name>', '</name><description>edited</description>'))
  const bytes = await readFile(file)
  for (const fault of ['fsync:EIO', 'write:EIO'])
    for (let nth = 1; nth <= 5; nth += 1) {
      const { exitCode, stderr } = await withFailure(
        `${fault}:${nth}:/guest.save`,
        ...['save-image-define', file, xml],
      )
      const isRecorded = nth > 2
      assert.equal(exitCode, isRecorded ? 0 : 7, `${fault} ${nth}: ${stderr}`)
      if (isRecorded) assert.match(stderr, /^warning: the change of .* is recorded in the image/)
      assert.equal(
        (await readDescription(file)).xml.includes('edited'),
        isRecorded,
        `${fault} ${nth}`,
      )
      assert.ok((await verifyImage(file)).whole)
      await writeFile(file, bytes)
    }
})
