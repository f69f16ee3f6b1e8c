import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type FakeMonitor, fakeMonitor, ok } from '../../test/support/fake-monitor.ts'
import { QmpConnection } from '../qmp/connection.ts'
import { featuresOf } from './features.ts'
import { resetMigration } from './reset.ts'
import { QmpSchema } from './schema.ts'
import { prepareMigration } from './settings.ts'

const NONE = featuresOf([], new QmpSchema([]))
const FEATURES = {
  ...NONE,
  multifd: true,
  channelsParameter: 'multifd-channels',
  multifdCompressions: ['none', 'zstd'],
} as const

/** A monitor of a QEMU whose settings another client has changed. */
function disorderly(): Promise<FakeMonitor> {
  return fakeMonitor((command) => {
    switch (command.execute) {
      case 'query-migrate-capabilities':
        return ok(command, [
          { capability: 'xbzrle', state: true },
          { capability: 'events', state: false },
          { capability: 'multifd', state: false },
        ])
      case 'query-migrate-parameters':
        return ok(command, {
          'max-bandwidth': 1,
          'multifd-channels': 7,
          'multifd-compression': 'zlib',
          'multifd-zstd-level': 1,
          'downtime-limit': 300,
        })
      default:
        return ok(command)
    }
  })
}

function sent(monitor: FakeMonitor, command: string): unknown {
  return monitor.received.find(({ execute }) => execute === command)?.arguments
}

test('prepareMigration() sends only settings that differ and that this QEMU has', async () => {
  await using monitor = await disorderly()
  await using qmp = await QmpConnection.connect(monitor.path)
  const wanted = { channels: 4, multifdCompression: 'zstd', compressionLevel: 3 } as const
  await prepareMigration(qmp, FEATURES, wanted)
  assert.deepEqual(sent(monitor, 'migrate-set-capabilities'), {
    capabilities: [
      { capability: 'xbzrle', state: false },
      { capability: 'events', state: true },
      { capability: 'multifd', state: true },
    ],
  })
  const raw = monitor.received.find(({ execute }) => execute === 'migrate-set-parameters')?.raw
  assert.match(raw ?? '', /"max-bandwidth":9223372036853727232,/)
  assert.deepEqual(
    { ...(sent(monitor, 'migrate-set-parameters') as object), 'max-bandwidth': 0 },
    {
      'max-bandwidth': 0,
      'multifd-channels': 4,
      'multifd-compression': 'zstd',
      'multifd-zstd-level': 3,
    },
  )
})

test("resetMigration() gives QEMU's defaults back", async () => {
  await using monitor = await disorderly()
  await using qmp = await QmpConnection.connect(monitor.path)
  await resetMigration(qmp)
  assert.deepEqual(sent(monitor, 'migrate-set-parameters'), {
    'max-bandwidth': 134217728,
    'multifd-channels': 2,
    'multifd-compression': 'none',
  })
})

for (const [what, wanted] of [
  ['multifd', { channels: 1 }],
  ['mapped-ram', { mappedRam: true }],
  ['direct I/O', { directIo: true }],
  ['that compression', { multifdCompression: 'zlib' }],
] as const) {
  test(`prepareMigration() throws QEMU_LACKS_FEATURE and sends nothing when QEMU has no ${what}`, async () => {
    await using monitor = await disorderly()
    await using qmp = await QmpConnection.connect(monitor.path)
    const features = { ...NONE, multifdCompressions: ['none', 'zstd'] }
    await assert.rejects(prepareMigration(qmp, features, wanted), { code: 'QEMU_LACKS_FEATURE' })
    assert.equal(sent(monitor, 'migrate-set-capabilities'), undefined)
  })
}
