import assert from 'node:assert/strict'
import { test } from 'node:test'
import { featuresOf, type MigrationFeatures } from './features.ts'
import { migrationParameters, parameterChanges } from './parameters.ts'
import { QmpSchema } from './schema.ts'

const LEAST: MigrationFeatures = featuresOf([], new QmpSchema([]))
const FULL: MigrationFeatures = {
  ...LEAST,
  channelsParameter: 'multifd-channels',
  multifdCompressions: ['none', 'zlib', 'zstd'],
  zeroPageDetections: ['none', 'legacy', 'multifd'],
  directIo: true,
}

test('migrationParameters() sends without limit by default', () => {
  const { 'max-bandwidth': bandwidth, 'downtime-limit': downtime } = migrationParameters(LEAST, {})
  assert.equal(bandwidth, 9223372036853727232n)
  assert.equal(downtime, 300)
})

test('migrationParameters() sets a bandwidth that QEMU must not exceed in its last round', () => {
  const values = migrationParameters(LEAST, { maxBandwidth: 1000 })
  assert.equal(values['max-bandwidth'], 1000)
  assert.equal(values['downtime-limit'], 1)
})

test('migrationParameters() uses the names and the levels of this QEMU', () => {
  const old = { ...FULL, channelsParameter: 'x-multifd-channels' } as const
  assert.equal(migrationParameters(old, { channels: 4 })['x-multifd-channels'], 4)
  const values = migrationParameters(FULL, {
    channels: 4,
    multifdCompression: 'zlib',
    compressionLevel: 7,
    zeroPageDetection: 'legacy',
    directIo: true,
  })
  assert.equal(values['multifd-channels'], 4)
  assert.equal(values['multifd-compression'], 'zlib')
  assert.equal(values['multifd-zlib-level'], 7)
  assert.equal(values['multifd-zstd-level'], 1)
  assert.equal(values['zero-page-detection'], 'legacy')
  assert.equal(values['direct-io'], true)
})

test('migrationParameters() throws QEMU_LACKS_FEATURE for every missing feature', () => {
  for (const wanted of [
    { channels: 1 },
    { multifdCompression: 'zstd' },
    { directIo: true },
  ] as const)
    assert.throws(() => migrationParameters(LEAST, wanted), { code: 'QEMU_LACKS_FEATURE' })
  // QEMU before 9.0 has no choice here, and none is needed.
  migrationParameters(LEAST, { zeroPageDetection: 'legacy' })
})

test('parameterChanges() keeps only values that QEMU has and has set differently', () => {
  const present = { 'max-bandwidth': 9223372036853727232n, 'downtime-limit': 300, 'tls-creds': '' }
  const values = { 'max-bandwidth': 1, 'downtime-limit': 300, 'direct-io': true }
  assert.deepEqual(parameterChanges(present, values), { 'max-bandwidth': 1 })
  assert.deepEqual(parameterChanges({ 'max-bandwidth': 5n }, { 'max-bandwidth': 5 }), {})
})
