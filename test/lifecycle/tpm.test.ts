import assert from 'node:assert/strict'
import { mkdir, readFile, readdir, readlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  defineDomain,
  destroyDomain,
  restoreDomain,
  saveDomain,
  startDomain,
  undefineDomain,
} from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { isLongRun, newestQemu, qemus } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

const STATE = 'tpm2-00.permall'

/** The emulators that use a directory below this one, or a directory that is gone. */
async function emulators(below: string): Promise<readonly number[]> {
  const found: number[] = []
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const comm = await readFile(`/proc/${name}/comm`, 'utf8').catch(() => '')
    if (comm.trim() !== 'swtpm') continue
    const state = await readlink(`/proc/${name}/fd/5`).catch(() => '')
    if (state.startsWith(`${below}/`)) found.push(Number(name))
  }
  return found
}

async function untilNoEmulator(below: string): Promise<void> {
  for (let times = 0; times < 200; times++) {
    if ((await emulators(below)).length === 0) return
    await delay(20)
  }
  assert.deepEqual(await emulators(below), [])
}

/** The directory of the only TPM below a state directory. */
async function tpmOf(stateDir: string): Promise<string> {
  const [uuid = ''] = await readdir(join(stateDir, 'tpm'))
  return join(stateDir, 'tpm', uuid, 'tpm2')
}

const MODELS = ['tpm-crb', 'tpm-tis'] as const

for (const [at, { emulator, label }] of qemus().entries()) {
  // Usually each QEMU has one of them.
  for (const model of isLongRun() ? MODELS : MODELS.slice(at).slice(0, 1)) {
    test(`${model} on QEMU ${label}: the TPM is in the image, and a restore that fails leaves it as it was`, async () => {
      await using dir = await tempDir()
      const [stateDir, other] = [dir.join('a'), dir.join('b')]
      await using stack = new AsyncDisposableStack()
      for (const one of [stateDir, other])
        stack.defer(async () => {
          await destroyDomain('safe', { stateDir: one }).catch(() => undefined)
        })
      const serial = { type: 'file', path: dir.join('serial') } as const
      const xml = domainXml({ name: 'safe', guest: 'tiny', emulator, serial }).replace(
        '<memballoon',
        `<tpm model='${model}'><backend type='emulator' version='2.0'/></tpm><memballoon`,
      )
      await defineDomain(xml, { stateDir })
      await startDomain('safe', { stateDir })
      const tpm = await tpmOf(stateDir)
      assert.equal((await emulators(stateDir)).length, 1)
      // The firmware is done with the TPM.
      while ((await readFile(serial.path)).length < 100) await delay(20)
      await saveDomain('safe', dir.join('image'), { stateDir })
      await untilNoEmulator(stateDir)
      const saved = await readFile(join(tpm, STATE))
      assert.ok(saved.length > 1000)

      // On another host everything of the TPM comes from the image.
      await restoreDomain(dir.join('image'), { stateDir: other, allow: ['path:*'] })
      const arrived = await tpmOf(other)
      assert.deepEqual(await readFile(join(arrived, STATE)), saved)
      assert.deepEqual(await readdir(join(arrived, '..')), ['tpm2'])
      await destroyDomain('safe', { stateDir: other })
      await untilNoEmulator(other)

      // A restore that fails.
      await writeFile(dir.join('damaged'), await readFile(dir.join('image')))
      await truncate(dir.join('damaged'), (await readFile(dir.join('image'))).length - 4096)
      await assert.rejects(restoreDomain(dir.join('damaged'), { stateDir }))
      assert.deepEqual(await readFile(join(tpm, STATE)), saved)
      assert.deepEqual(await readdir(join(tpm, '..')), ['tpm2'])
      await untilNoEmulator(stateDir)

      await restoreDomain(dir.join('image'), { stateDir })
      assert.equal((await emulators(stateDir)).length, 1)
      await destroyDomain('safe', { stateDir })
      await undefineDomain('safe', { stateDir, tpm: true })
      assert.deepEqual(await readdir(join(stateDir, 'tpm')), [])
    })
  }
}

test('undefine --tpm keeps a directory that the XML names, wherever it is', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const named = join(stateDir, 'tpm')
  const [emulator] = qemus().map((one) => one.emulator)
  assert.ok(emulator)
  const serial = { type: 'file', path: dir.join('serial') } as const
  const xml = domainXml({ name: 'safe', guest: 'tiny', emulator, serial }).replace(
    '<memballoon',
    `<tpm model='tpm-crb'><backend type='emulator' version='2.0'><source type='dir' path='${named}'/></backend></tpm><memballoon`,
  )
  await defineDomain(xml, { stateDir })
  await mkdir(named, { recursive: true })
  await writeFile(join(named, STATE), 'state')
  await undefineDomain('safe', { stateDir, tpm: true })
  assert.equal(await readFile(join(named, STATE), 'utf8'), 'state')
})

const SECRET = '32ee7e76-2178-47a1-ab7b-269e6e348015'

for (const { emulator, label } of newestQemu()) {
  test(`an encrypted TPM on QEMU ${label}: its state is encrypted, and only a host with the secret restores it`, async () => {
    await using dir = await tempDir()
    const [stateDir, other] = [dir.join('a'), dir.join('b')]
    await using stack = new AsyncDisposableStack()
    for (const one of [stateDir, other])
      stack.defer(async () => {
        await destroyDomain('locked', { stateDir: one }).catch(() => undefined)
      })
    const serial = { type: 'file', path: dir.join('serial') } as const
    const xml = domainXml({ name: 'locked', guest: 'tiny', emulator, serial }).replace(
      '<memballoon',
      `<tpm model='tpm-crb'><backend type='emulator' version='2.0'><encryption secret='${SECRET}'/></backend></tpm><memballoon`,
    )
    const give = async (one: string, password: string): Promise<void> => {
      await mkdir(join(one, 'secrets'), { recursive: true, mode: 0o700 })
      await writeFile(join(one, `secrets/${SECRET}.base64`), btoa(password), { mode: 0o600 })
    }
    const warnings: string[] = []
    await defineDomain(xml, { stateDir })
    await assert.rejects(startDomain('locked', { stateDir }), { code: 'FILE_NOT_FOUND' })
    await give(stateDir, 'hunter22')
    await startDomain('locked', { stateDir, onWarning: (text) => warnings.push(text) })
    assert.deepEqual(
      warnings.filter((text) => text.includes('TPM')),
      [],
    )
    while ((await readFile(serial.path)).length < 100) await delay(20)
    await saveDomain('locked', dir.join('image'), { stateDir })
    await untilNoEmulator(stateDir)
    const state = await readFile(join(await tpmOf(stateDir), STATE))
    // swtpm marks an encrypted blob in its header (src/swtpm/swtpm_nvstore.h).
    assert.equal(state.readUInt16BE(4) & 1, 1)

    await give(other, 'wrong')
    const allow = ['path:*', `secret:${SECRET}`] as const
    await assert.rejects(restoreDomain(dir.join('image'), { stateDir: other, allow }))
    await give(other, 'hunter22')
    await restoreDomain(dir.join('image'), { stateDir: other, allow })
    assert.equal((await emulators(other)).length, 1)
  })
}
