import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { Stasis } from '../../src/index.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

test('a domain is saved, restored, cloned and waited for by its handle', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, log, dir } = tiny
  const image = dir.join('tiny.save')
  const stasis = new Stasis({ stateDir })
  await assert.rejects(stasis.domain('nobody'), { code: 'DOMAIN_NOT_FOUND' })
  const domain = await stasis.domain('tiny')
  assert.deepEqual(await stasis.domain(domain.uuid), domain)
  await log.advance(2)

  const saving = domain.save(image, { channels: 3 })
  const phases = new Set<string>()
  for await (const progress of saving) phases.add(progress.phase)
  assert.ok(phases.has('transferring'), [...phases].join())
  const saved = await saving
  assert.equal(saved.image.path, image)
  assert.equal(saved.channels, 3)
  assert.equal((await domain.state()).reason, 'saved')
  assert.equal(await domain.image(), image)

  const restored = await stasis.restore(image, { mode: 'lazy', resumeAs: 'paused' })
  assert.equal(restored.name, 'tiny')
  assert.equal(restored.result.mode, 'lazy')
  await restored.allMemory()
  assert.equal((await restored.info()).postcopy, undefined)
  assert.equal((await domain.info()).state, 'paused')
  await restored.resume()
  await log.advance(2)
  await log.assertUnbroken()
  await domain.suspend()
  assert.equal((await domain.state()).reason, 'user')

  const clone = await restored.clone('tiny-2')
  try {
    assert.equal(clone.name, 'tiny-2')
    assert.notEqual(clone.uuid, restored.uuid)
    const names = (await stasis.domains()).map(({ name }) => name)
    assert.deepEqual(names, ['tiny', 'tiny-2'])
    await assert.rejects(clone.restore(image), { code: 'BAD_ARGUMENT' })
  } finally {
    await clone.destroy()
  }
  await assert.rejects(clone.info(), { code: 'DOMAIN_NOT_FOUND' })
})

test('a save is cancelled by its operation, and the guest goes on', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, log, dir } = tiny
  const image = dir.join('tiny.save')
  const domain = await new Stasis({ stateDir }).domain('tiny')
  await log.advance(1)
  const saving = domain.save(image)
  saving.cancel('shutting down')
  await assert.rejects(saving, { code: 'CANCELLED', cause: 'shutting down' })
  assert.ok(!existsSync(image))
  {
    await using _left = domain.save(image)
  }
  assert.ok(!existsSync(image))
  await log.advance(2)
  await log.assertUnbroken()
})

test('a callback that throws cancels a save, and the guest goes on; after the image is durable it changes nothing', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, log, dir } = tiny
  const domain = await new Stasis({ stateDir }).domain('tiny')
  await log.advance(1)
  const cause = new Error('the caller has a fault')
  const throwIn =
    (phase: string) =>
    (progress: { readonly phase: string }): void => {
      if (progress.phase === phase) throw cause
    }
  const image = dir.join('image')
  await assert.rejects(domain.save(image, { onProgress: throwIn('transferring') }), {
    code: 'CANCELLED',
    cause,
  })
  assert.ok(!existsSync(image))
  await log.advance(2)
  await log.assertUnbroken()
  await domain.save(image, { onProgress: throwIn('ending') })
  assert.equal((await domain.state()).reason, 'saved')
})

test('a domain is defined, started from a managed save, renamed and undefined by its handle', async () => {
  await using tiny = await startTinyDomain({ started: false })
  const { stateDir, log, dir } = tiny
  const stasis = new Stasis({ stateDir })
  const domain = await stasis.define(tiny.xml)
  assert.equal((await domain.start()).restored, undefined)
  await log.advance(2)
  assert.equal((await domain.checkSave()).obstacles.length, 0)
  await domain.managedSave()
  assert.match(await domain.managedSaveDumpXml(), /<name>tiny</)
  assert.equal((await domain.job({ completed: true }))?.operation, 'managedsave')
  assert.deepEqual(
    (await stasis.domains({ all: true })).map(({ managedSave }) => managedSave),
    [true],
  )
  assert.equal((await domain.start({ mode: 'load' })).restored?.mode, 'load')
  await log.advance(2)
  await log.assertUnbroken()
  {
    await using console = await domain.console()
    assert.equal(console.path, dir.join('serial'))
  }
  await domain.destroy()
  const renamed = await domain.rename('other')
  assert.match(await renamed.dumpXml(), /<name>other</)
  await renamed.undefine()
  assert.deepEqual(await stasis.domains({ all: true }), [])
})

test('the domains of a host are saved and brought back, each reported once', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, log } = tiny
  const stasis = new Stasis({ stateDir })
  await log.advance(1)
  const saving = stasis.hostSave()
  const outcomes: string[] = []
  for await (const { name, outcome } of saving) outcomes.push(`${name} ${outcome}`)
  assert.deepEqual(outcomes, ['tiny saved'])
  assert.equal((await saving).length, 1)
  const [resumed] = await stasis.hostResume()
  assert.equal(resumed?.outcome, 'resumed')
  await log.advance(2)
  await log.assertUnbroken()
})
