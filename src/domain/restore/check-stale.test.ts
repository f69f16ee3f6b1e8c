import assert from 'node:assert/strict'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { test } from 'node:test'
import {
  type TestStore,
  smallXml,
  testStore,
  writeRawImage,
} from '../../../test/support/test-store.ts'
import type { MachineDescription } from '../../image/saved-machine.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { cookieWithDisks } from '../cookie/disk-cookie.ts'
import { identifyDisks, writableDisks } from '../store/disks/disk-identity.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { readHistory, writeHistory } from '../store/saves/image-history.ts'
import { readRecord } from '../store/runtime-record.ts'
import { recordSharing } from '../ownership/state-host.ts'
import { beginGuest, checkStale } from './check-stale.ts'

const IMAGE: MachineDescription = { xml: '<a/>', cookie: undefined, wasRunning: true, id: 'k' }

interface Machine {
  readonly domain: Domain
  readonly disk: string
}

/** A machine with a disk that exists. */
async function machine(store: TestStore): Promise<Machine> {
  const disk = store.join('disk')
  await writeFile(disk, 'disk')
  const devices = `<disk type='file' device='disk'><source file='${disk}'/><target dev='vda' bus='virtio'/></disk>`
  return { domain: readDomain(parseDomainXml(smallXml({ name: 'web', devices }))).domain, disk }
}

async function check(
  store: TestStore,
  domain: Domain,
  { description = IMAGE, force = false } = {},
): ReturnType<typeof checkStale> {
  await using held = await HeldDomain.named('web', 'restore', store.directories)
  const options = { force, managedSave: undefined }
  return await checkStale(held, { path: '/a.save', description }, domain, options)
}

test('checkStale() records the disks of an image that nothing is known about', async () => {
  await using store = await testStore()
  const { domain } = await machine(store)
  assert.deepEqual(await check(store, domain), {
    path: '/a.save',
    imageId: 'k',
    managed: false,
    begun: false,
    disks: await identifyDisks(writableDisks(domain)),
  })
})

test('checkStale() refuses an image whose disks have changed since its history, unless forced', async () => {
  await using store = await testStore()
  const { domain, disk } = await machine(store)
  const disks = await identifyDisks(writableDisks(domain))
  await writeHistory(store.directories, 'k', { path: '/a.save', disks, restoredAt: '2026-01-01' })
  assert.equal((await check(store, domain)).disks, undefined)
  await utimes(disk, 1, 1)
  await assert.rejects(check(store, domain), {
    code: 'IMAGE_STALE',
    message: /2026-01-01.* disk vda/,
  })
  assert.equal((await check(store, domain, { force: true })).imageId, 'k')
})

test('checkStale() refuses a second start of a managed save whose guest may have written to a disk without a trace', async () => {
  await using store = await testStore()
  const { domain, disk } = await machine(store)
  const devices = `<disk type='network' device='disk'><source protocol='nbd' name='x'><host name='h'/></source><target dev='vdb' bus='virtio'/></disk>`
  const remote = readDomain(parseDomainXml(smallXml({ name: 'web', devices }))).domain
  const disks = await identifyDisks(writableDisks(domain))
  const image = { path: '/a.save', description: IMAGE }
  await store.define('web')
  await using held = await HeldDomain.named('web', 'start', store.directories)
  const history = { path: '/a.save', disks }
  await writeHistory(store.directories, 'k', history)
  for (const one of [domain, remote]) await checkStale(held, image, one, { managedSave: held })
  await writeHistory(store.directories, 'k', { ...history, restoredAt: '2026-01-01' })
  await checkStale(held, image, domain, { managedSave: held })
  await assert.rejects(checkStale(held, image, remote, { managedSave: held }), {
    code: 'IMAGE_STALE',
    message: /its disk vdb/,
  })
  await checkStale(held, image, remote, { managedSave: held, force: true })
  await utimes(disk, 1, 1)
  await assert.rejects(checkStale(held, image, domain, { managedSave: held }), {
    code: 'IMAGE_STALE',
  })
})

test('checkStale() uses the disks in the cookie where there is no history', async () => {
  await using store = await testStore()
  const { domain, disk } = await machine(store)
  const disks = await identifyDisks(writableDisks(domain))
  const description = { ...IMAGE, cookie: cookieWithDisks('<cookie>\n</cookie>\n', disks) }
  assert.deepEqual((await check(store, domain, { description })).disks, disks)
  await utimes(disk, 1, 1)
  await assert.rejects(check(store, domain, { description }), { code: 'IMAGE_STALE' })
})

test('checkStale() refuses a file while the domain has a managed save', async () => {
  await using store = await testStore()
  const { domain } = await machine(store)
  const { managedSave } = store.paths('web')
  await mkdir(dirname(managedSave), { recursive: true })
  await writeRawImage(managedSave)
  await assert.rejects(check(store, domain), { code: 'DOMAIN_HAS_MANAGED_SAVE' })
})

test('checkStale() refuses a managed save that belongs to another domain', async () => {
  await using store = await testStore()
  const { domain } = await machine(store)
  const image = { path: '/a.save', description: IMAGE }
  for (const [name, uuid, own] of [
    ['web', domain.uuid ?? '', true],
    ['web', 'aaaaaaaa-2222-4333-8444-555555555555', false],
    ['db', domain.uuid ?? '', false],
  ] as const) {
    await store.define(name, smallXml({ name, uuid }))
    await using held = await HeldDomain.named(name, 'start', store.directories)
    const checked = checkStale(held, image, domain, { managedSave: held })
    if (own) assert.equal((await checked).managed, true)
    else await assert.rejects(checked, { code: 'IMAGE_INCOMPATIBLE' })
  }
})

test('beginGuest() records the first run of a restored guest once, with the disks from before', async () => {
  await using store = await testStore()
  const { domain, disk } = await machine(store)
  const disks = await identifyDisks(writableDisks(domain))
  const restoredFrom = { path: '/a.save', imageId: 'k', managed: false, begun: false, disks }
  const record = await store.run('web', { restoredFrom })
  await using held = await HeldDomain.named('web', 'restore', store.directories)
  await utimes(disk, 1, 1)
  const { record: begun, takeBack } = await beginGuest(held, record, domain)
  assert.equal(begun.restoredFrom?.begun, true)
  assert.equal((await readRecord(held.paths))?.restoredFrom?.begun, true)
  const history = await readHistory(store.directories, 'k')
  assert.deepEqual(history?.disks, disks)
  assert.ok(history.restoredAt)
  assert.deepEqual((await beginGuest(held, begun, domain)).record, begun)
  await takeBack()
  const { restoredAt: _, ...rest } = history
  assert.deepEqual(await readHistory(store.directories, 'k'), rest)
})

test('beginGuest() only clears the mark of a killed save for a guest that was not restored', async () => {
  await using store = await testStore()
  const { domain } = await machine(store)
  const record = await store.run('web', { interrupted: true })
  await using held = await HeldDomain.named('web', 'resume', store.directories)
  assert.equal((await beginGuest(held, record, domain)).record.interrupted, undefined)
  assert.equal((await readRecord(held.paths))?.interrupted, undefined)
})

test('checkStale() refuses a managed save that was used up in a shared directory, and its copies', async () => {
  await using store = await testStore()
  const { domain } = await machine(store)
  const disks = await identifyDisks(writableDisks(domain))
  const consumed = { time: '2026-11-29T12:00:00.000Z', host: 'one', generation: 7 }
  await writeHistory(store.directories, 'k', { path: '/b.save', disks, consumed })
  // On one host the disks tell.
  assert.equal((await check(store, domain)).begun, false)
  await recordSharing(store.directories, 'yes')
  await assert.rejects(check(store, domain), {
    code: 'IMAGE_STALE',
    message: /\/a\.save was used up: .* on host 'one' .*, as generation 7 of its owners/,
  })
  assert.equal((await check(store, domain, { force: true })).begun, false)
  await writeHistory(store.directories, 'k', { path: '/b.save', consumed })
  await assert.rejects(check(store, domain), { code: 'IMAGE_STALE' })
})

test('beginGuest() records who used up a managed save, and takes that back', async () => {
  await using store = await testStore()
  const { domain } = await machine(store)
  await recordSharing(store.directories, 'yes')
  const record = await store.run('web', {
    restoredFrom: { path: '/a.save', imageId: 'k', managed: true, begun: false },
  })
  await using held = await HeldDomain.named('web', 'start', store.directories)
  const { takeBack } = await beginGuest(held, record, domain)
  const history = await readHistory(store.directories, 'k')
  assert.equal(history?.consumed?.generation, held.generation)
  assert.ok(history?.consumed?.host !== undefined)
  await takeBack()
  assert.equal((await readHistory(store.directories, 'k'))?.consumed, undefined)
})
