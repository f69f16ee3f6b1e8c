import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { canonicalMachine } from './probe.ts'
import { loadProbe, storeProbe } from './probe-cache.ts'
import type { ProbedQemu } from './probed-qemu.ts'

const OTHER = { deprecated: false, maxCpus: 288 }
const PROBED: ProbedQemu = {
  emulator: '/usr/bin/qemu',
  version: '7.2.0',
  packager: '',
  machines: [
    { name: 'pc-q35-7.2', alias: 'q35', isDefault: false, ...OTHER },
    { name: 'pc-i440fx-7.2', alias: 'pc', isDefault: true, ...OTHER },
    { name: 'pc-q35-7.1', isDefault: false, ...OTHER },
  ],
  sandbox: true,
  kvmUsable: false,
  migrationCapabilities: [],
  cpuProperties: ['avx2'],
  gicVersions: [],
}

test('loadProbe() returns a stored result for the same key only', async () => {
  await using dir = await tempDir()
  assert.equal(await loadProbe(dir.path, 'a'), undefined)
  await storeProbe(dir.path, 'a', PROBED)
  assert.deepEqual(await loadProbe(dir.path, 'a'), PROBED)
  assert.equal(await loadProbe(dir.path, 'b'), undefined)
  assert.equal(await loadProbe(undefined, 'a'), undefined)
})

test('loadProbe() ignores a damaged or old file, and storeProbe() replaces it', async () => {
  await using dir = await tempDir()
  await storeProbe(dir.path, 'a', PROBED)
  const [name = ''] = await readdir(dir.path)
  for (const text of ['{', '{}', JSON.stringify({ key: 'a', probed: PROBED })]) {
    await writeFile(dir.join(name), text)
    assert.equal(await loadProbe(dir.path, 'a'), undefined, text)
  }
  await storeProbe(dir.path, 'a', PROBED)
  assert.deepEqual(await loadProbe(dir.path, 'a'), PROBED)
})

test('loadProbe() returns what a host has of SEV, if it is whole', async () => {
  await using dir = await tempDir()
  const sev = { cbitPosition: 51, reducedPhysBits: 1 }
  await storeProbe(dir.path, 'a', { ...PROBED, sev })
  assert.deepEqual((await loadProbe(dir.path, 'a'))?.sev, sev)
  await storeProbe(dir.path, 'a', { ...PROBED, sev: {} as typeof sev })
  assert.equal(await loadProbe(dir.path, 'a'), undefined)
})

test('storeProbe() does not fail without its directory', async () => {
  await storeProbe('/proc/nonexistent', 'a', PROBED)
})

test('canonicalMachine() resolves aliases, and knows only machines that QEMU has', () => {
  assert.equal(canonicalMachine(PROBED, 'q35'), 'pc-q35-7.2')
  assert.equal(canonicalMachine(PROBED, 'pc-q35-7.1'), 'pc-q35-7.1')
  assert.equal(canonicalMachine(PROBED, 'pc-q35-10.0'), undefined)
})
