import assert from 'node:assert/strict'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import * as image from '../../src/api/image.ts'
import * as index from '../../src/index.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

const { Stasis, StasisError, restoreDomain, restoreMachine, saveDomain, shutDownDomain } = index

// What JavaScript lets a caller pass and TypeScript does not.
const wrong = (value: unknown): never => value as never

test('public functions answer wrong arguments with errors of their own', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const lists: readonly (readonly unknown[])[] = [
    [],
    [42],
    ['x', 42],
    ['x', 'y', 42],
    [null, null, null],
    ['x', null],
    ['x', 'y', null],
    ['', { stateDir }],
    ['x', { stateDir: '' }],
    [new URL('http://host/x'), { stateDir }],
    ['x', { stateDir, signal: 7 }],
    ['x', 'y', { stateDir, signal: 7 }],
    ['x', { stateDir, onProgress: 7 }],
  ]
  const before = process.env['STASIS_STATE_DIR']
  process.env['STASIS_STATE_DIR'] = stateDir
  try {
    for (const [name, value] of Object.entries({ ...index, ...image })) {
      // Events end with their loop; classes are not called.
      if (typeof value !== 'function' || /^[A-Z]/.test(name) || /^watch.*Events$/.test(name))
        continue
      for (const list of lists) {
        const act = async (): Promise<unknown> =>
          (value as (...list: unknown[]) => unknown)(...list)
        await act().catch((error: unknown) => {
          const said = `${name}(${list.map(String).join(', ')}): ${String(error)}`
          assert.ok(StasisError.is(error) && !StasisError.is(error, 'INTERNAL'), said)
        })
      }
    }
  } finally {
    if (before === undefined) delete process.env['STASIS_STATE_DIR']
    else process.env['STASIS_STATE_DIR'] = before
  }
})

test('an option with a few values has one of them', async () => {
  await using dir = await tempDir()
  const options = { stateDir: dir.join('state') }
  const refused = async (act: Promise<unknown>, message: RegExp): Promise<void> =>
    assert.rejects(act, { code: 'BAD_ARGUMENT', message })
  const path = await placeImage(dir)
  const mode = wrong('x')
  await refused(
    restoreDomain(path, { ...options, mode }),
    /^mode must be one of auto, map, lazy, load, not "x"/,
  )
  await refused(restoreDomain(path, { ...options, wait: mode }), /^wait must be/)
  await refused(restoreDomain(path, { ...options, resumeAs: mode }), /^resumeAs must be/)
  for (const takeOver of [true, 'alpha', { host: 'alpha' }, { host: '', generation: 1 }])
    await refused(
      index.startDomain('x', { ...options, takeOver: wrong(takeOver) }),
      /^takeOver must be \{ host, generation \}/,
    )
  await refused(shutDownDomain('x', { ...options, mode }), /^mode must be one of acpi, agent/)
  await refused(
    saveDomain('x', path, { ...options, format: mode }),
    /^format must be one of stasis/,
  )
  await refused(saveDomain('x', path, { ...options, compression: mode }), /^compression must be/)
  await refused(restoreMachine(path, wrong({})), /^launch must be a function, not undefined/)
  await refused(restoreMachine(path, wrong(undefined)), /^The options must be an object/)
  assert.throws(() => new Stasis(wrong('/var/lib/stasis')), { code: 'BAD_ARGUMENT' })
  const stasis = new Stasis(options)
  await refused(stasis.restore(path, { mode }), /^mode must be/)
  await refused(
    stasis.restore(wrong(7)),
    /^The path of the image must be a string, not the number 7/,
  )
  await refused(stasis.define(wrong(undefined)), /^The domain XML must be a string/)
})

test('a path may be a file URL, and no other', async () => {
  await using dir = await tempDir()
  const path = await placeImage(dir)
  assert.equal((await image.inspectImage(pathToFileURL(path))).path, path)
  assert.match((await image.readDescription(pathToFileURL(path))).xml, /<domain/)
  await assert.rejects(image.inspectImage(new URL('https://host/x')), {
    code: 'BAD_ARGUMENT',
    message: 'The path of the image must be a string, not the URL https://host/x',
  })
})

async function placeImage(dir: TempDir): Promise<string> {
  const path = dir.join('image')
  await copyFile(join(import.meta.dirname, '../fixtures/lv9.0-q35-raw.sav'), path)
  return path
}
