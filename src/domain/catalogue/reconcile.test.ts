import assert from 'node:assert/strict'
import { access, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { type TestStore, testStore, writeRawImage } from '../../../test/support/test-store.ts'
import { isAlive } from '../../qemu/process/process-identity.ts'
import { imageId } from '../store/saves/image-history.ts'
import { readJob } from '../store/job-record.ts'
import { readLastEnd } from '../store/last-end.ts'
import { observe } from './presence.ts'
import { reconcile } from './reconcile.ts'
import { type RuntimeRecord, readRecord, writeRecord } from '../store/runtime-record.ts'

const DESCRIPTION = { xml: '<a/>', cookie: undefined, wasRunning: true, id: '1'.repeat(32) }

function intent(store: TestStore): RuntimeRecord['saving'] & object {
  return { path: store.join('web.save'), imageId: imageId(DESCRIPTION), running: true }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

test('reconcile() ends a QEMU whose start was interrupted', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const record = await store.run('web', { stage: 'starting' })
  assert.equal(await reconcile(paths, store.directories), undefined)
  assert.equal(await isAlive(record), false)
  assert.equal(await exists(paths.process), false)
  assert.equal(await readLastEnd(paths), undefined)
})

test('reconcile() records a shutdown, or a crash when the monitor socket is left', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  await store.runDead('web')
  await reconcile(paths, store.directories)
  assert.equal((await readLastEnd(paths))?.reason, 'shutdown')
  await store.runDead('web')
  await writeFile(paths.controlSocket, '')
  await writeFile(paths.formerLog, 'qemu: out of memory\n')
  await reconcile(paths, store.directories)
  const end = await readLastEnd(paths)
  assert.equal(end?.reason, 'crashed')
  assert.equal(end.lastLines, 'qemu: out of memory')
})

test('reconcile() ends a QEMU whose guest is safe in a complete image', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const saving = intent(store)
  const record = await store.run('web', { saving })
  await writeRawImage(saving.path, DESCRIPTION)
  assert.equal(await reconcile(paths, store.directories), undefined)
  assert.equal(await isAlive(record), false)
  assert.ok(await exists(saving.path))
  const { reason, image } = (await readLastEnd(paths)) ?? {}
  assert.deepEqual({ reason, image }, { reason: 'saved', image: saving.path })
})

test('reconcile() keeps the QEMU of a killed save whose image is not complete', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const saving = intent(store)
  const record = await store.run('web', { saving })
  // The killed process wrote under a temporary name.
  await writeFile(store.join('.web.save.999999-1.partial'), 'partial')
  const kept = await reconcile(paths, store.directories)
  assert.equal(kept?.interrupted, true)
  assert.equal(kept.saving, undefined)
  assert.equal((await readRecord(paths))?.interrupted, true)
  assert.ok(await isAlive(record))
  assert.deepEqual((await readdir(store.join())).toSorted(), ['run'])
})

test('reconcile() does not mark a guest as interrupted that was paused before the killed save', async () => {
  await using store = await testStore()
  await store.run('web', { saving: { ...intent(store), running: false } })
  const kept = await reconcile(store.paths('web'), store.directories)
  assert.notEqual(kept?.interrupted, true)
})

test('reconcile() records a save whose QEMU died after the image was complete', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const saving = intent(store)
  await store.runDead('web', { saving })
  await writeRawImage(saving.path, DESCRIPTION)
  await reconcile(paths, store.directories)
  assert.equal((await readLastEnd(paths))?.reason, 'saved')
})

test('reconcile() removes a managed save only once its guest has run and has all its memory', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const { managedSave } = paths
  await mkdir(dirname(managedSave), { recursive: true })
  const restoredFrom = { path: managedSave, imageId: '', managed: true, begun: true }
  for (const [from, postcopy, stays] of [
    [{ ...restoredFrom, begun: false }, false, true],
    [{ ...restoredFrom, managed: false }, false, true],
    [restoredFrom, 'postcopy.json', true],
    // Its name before records had versions.
    [restoredFrom, 'fill.json', true],
    // Nobody knows, and there is no QEMU to ask.
    [restoredFrom, false, true],
    [{ ...restoredFrom, ran: true }, 'postcopy.json', true],
    [{ ...restoredFrom, ran: true }, false, false],
  ] as const) {
    await writeRawImage(managedSave)
    const record = await store.run('web', { restoredFrom: from })
    if (postcopy !== false) await writeFile(join(paths.directory, postcopy), '{}')
    assert.equal((await reconcile(paths, store.directories))?.pid, record.pid)
    assert.equal(await exists(managedSave), stays, JSON.stringify({ from, postcopy }))
    await store.kill(record)
    await rm(paths.directory, { recursive: true })
  }
})

test('reconcile() keeps the managed save of a guest that died before it was known to run', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const { managedSave } = paths
  await mkdir(dirname(managedSave), { recursive: true })
  const restoredFrom = { path: managedSave, imageId: '', managed: true, begun: true }
  for (const [from, stays] of [
    [restoredFrom, true],
    [{ ...restoredFrom, ran: true }, false],
  ] as const) {
    await writeRawImage(managedSave)
    await store.runDead('web', { restoredFrom: from })
    assert.equal((await observe(paths)).consumed, !stays)
    assert.equal(await reconcile(paths, store.directories), undefined)
    assert.equal(await exists(managedSave), stays)
  }
})

test('reconcile() removes the managed save of a guest that was saved to another file', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const { managedSave } = paths
  await mkdir(dirname(managedSave), { recursive: true })
  const restoredFrom = { path: managedSave, imageId: '', managed: true, begun: true }
  await writeRawImage(managedSave)
  const saving = intent(store)
  await writeRawImage(saving.path, DESCRIPTION)
  await store.runDead('web', { restoredFrom, saving })
  assert.equal(await reconcile(paths, store.directories), undefined)
  assert.equal(await exists(managedSave), false)
  assert.ok(await exists(saving.path))
  await writeRawImage(managedSave, DESCRIPTION)
  await store.runDead('web', { restoredFrom, saving: { ...saving, path: managedSave } })
  assert.equal(await reconcile(paths, store.directories), undefined)
  assert.ok(await exists(managedSave), 'it is the newer one')
})

test('reconcile() ends no process that is not a QEMU of the domain', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const other = await store.run('other')
  for (const stage of ['starting', 'running'] as const) {
    await store.runDead('web')
    await writeRecord(paths, { ...other, stage })
    await assert.rejects(reconcile(paths, store.directories), {
      code: 'STATE_UNREADABLE',
      path: paths.process,
    })
    assert.ok(await isAlive(other))
    assert.ok(await exists(paths.process))
  }
})

test('reconcile() ends a QEMU without a record only if a start was in progress', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const record = await store.run('web')
  await rm(paths.process)
  await assert.rejects(reconcile(paths, store.directories), {
    code: 'STATE_UNREADABLE',
    path: paths.process,
  })
  assert.ok(await isAlive(record))
  await writeFile(paths.starting, '')
  assert.equal(await reconcile(paths, store.directories), undefined)
  assert.equal(await isAlive(record), false)
  assert.equal(await exists(paths.liveXml), false)
})

test('reconcile() removes the files of a killed operation beside a running QEMU', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const record = await store.run('web')
  await mkdir(paths.transferDirectory)
  const before = await readdir(paths.directory)
  const { pid } = await store.runDead('other')
  const job = {
    operation: 'save',
    id: '1',
    process: { ...record, pid },
    startedAt: '',
    elapsedMs: 0,
  }
  await writeFile(paths.job, JSON.stringify(job))
  for (const path of [
    paths.migrationSocket,
    paths.jobAbort,
    `${paths.directory}/.a.999999-1.partial`,
  ])
    await writeFile(path, '')
  assert.equal((await reconcile(paths, store.directories))?.pid, record.pid)
  assert.deepEqual(await readdir(paths.directory), before)
  assert.equal((await readJob(paths.lastJob))?.outcome, 'failed')
})

test('reconcile() removes what a save left that was killed after it had withdrawn its intent', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const record = await store.run('web')
  const { pid } = await store.runDead('other')
  const image = store.join('web.save')
  await writeRawImage(image)
  await writeFile(store.join(`.web.save.${pid}-4.partial`), 'partial')
  const job = { operation: 'save', id: '1', process: { ...record, pid }, startedAt: '', image }
  await writeFile(paths.job, JSON.stringify({ ...job, elapsedMs: 0 }))
  assert.equal((await reconcile(paths, store.directories))?.pid, record.pid)
  const left = (await readdir(store.join())).filter((name) => name.includes('web.save'))
  assert.deepEqual(left, ['web.save'])
})

test('reconcile() changes nothing when it is unknown whether the image is complete', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  // A name that cannot be looked up is not a missing file.
  const saving = { ...intent(store), path: store.join('x'.repeat(300)) }
  const record = await store.run('web', { saving })
  await assert.rejects(reconcile(paths, store.directories), { code: 'IO_ERROR' })
  assert.ok(await isAlive(record))
  assert.deepEqual((await readRecord(paths))?.saving, saving)
})
