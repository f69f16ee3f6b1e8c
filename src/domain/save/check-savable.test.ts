import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeMonitor, ok } from '../../../test/support/fake-monitor.ts'
import { QmpConnection } from '../../qmp/connection.ts'
import { checkMemoryIsThere, checkSavable } from './check-savable.ts'
import { type SaveRequest, resolveSaveOptions } from './save-options.ts'

interface Machine {
  readonly capabilities?: readonly string[]
  readonly compressions?: readonly string[]
  readonly status?: string
  readonly blockers?: readonly string[]
  readonly migration?: string
  readonly guard?: string
}

/** Checks a save of a machine on a fake monitor; returns the answer and the commands that it received. */
async function check(
  machine: Machine,
  request: SaveRequest = {},
): Promise<{ readonly running: boolean; readonly commands: readonly string[] }> {
  const { capabilities = ['multifd', 'mapped-ram'], compressions = ['none', 'zstd'] } = machine
  let migration = machine.migration ?? 'none'
  await using fake = await fakeMonitor((command) => {
    const { status = 'running', blockers = [] } = machine
    if (command.execute === 'migrate_cancel') migration = 'cancelled'
    return ok(
      command,
      {
        'query-migrate-capabilities': capabilities.map((capability) => ({ capability })),
        'query-qmp-schema': schema(compressions),
        'query-migrate': { status: migration, 'blocked-reasons': blockers },
        'qom-get': machine.guard ?? '',
        'query-status': { status, running: status === 'running' },
      }[command.execute],
    )
  })
  await using qmp = await QmpConnection.connect(fake.path)
  const { running } = await checkSavable('web', qmp, resolveSaveOptions(request), undefined)
  return { running, commands: fake.received.map(({ execute }) => execute) }
}

/** The part of QEMU's schema that has the multifd compressions. */
function schema(compressions: readonly string[]): readonly object[] {
  return [
    { name: 'migrate-set-parameters', 'meta-type': 'command', 'arg-type': '1' },
    {
      name: '1',
      'meta-type': 'object',
      members: [
        { name: 'multifd-channels', type: 'int' },
        { name: 'multifd-compression', type: '2' },
      ],
    },
    { name: '2', 'meta-type': 'enum', values: compressions },
  ]
}

test('checkSavable() returns whether the guest runs, for every state that can be saved', async () => {
  for (const [status, running] of [
    ['running', true],
    ['suspended', true],
    ['paused', false],
    ['prelaunch', false],
    ['finish-migrate', false],
    ['postmigrate', false],
  ] as const)
    assert.equal((await check({ status })).running, running, status)
})

test('checkSavable() refuses any other state', async () => {
  for (const status of ['inmigrate', 'shutdown', 'guest-panicked'])
    await assert.rejects(check({ status }), { code: 'DOMAIN_WRONG_STATE' }, status)
})

test('checkSavable() refuses formats that need a feature which QEMU lacks', async () => {
  const old = { capabilities: ['events'] }
  for (const format of ['stasis', 'channels', 'sparse'] as const)
    await assert.rejects(check(old, { format }), { code: 'QEMU_LACKS_FEATURE' }, format)
  await check(old, { format: 'raw' })
  const noMappedRam = { capabilities: ['multifd'] }
  await check(noMappedRam, { format: 'stasis' })
  await assert.rejects(check(noMappedRam, { format: 'sparse' }), {
    code: 'QEMU_LACKS_FEATURE',
    message: /QEMU 9.0/,
  })
})

test('checkSavable() refuses a compression of channels that QEMU lacks', async () => {
  const request = { format: 'channels', compression: 'zstd' } as const
  await check({}, request)
  await assert.rejects(check({ compressions: ['none', 'zlib'] }, request), {
    code: 'QEMU_LACKS_FEATURE',
    message: /zstd/,
  })
})

test('checkSavable() reports what blocks a migration', async () => {
  await assert.rejects(check({ blockers: ['a VFIO device', 'an iSCSI disk'] }), {
    code: 'QEMU_REFUSED',
    message: /a VFIO device; an iSCSI disk/,
  })
})

test('checkSavable() refuses a guest whose memory is encrypted, also before it has run', async () => {
  const encrypted = { status: 'prelaunch', guard: '/objects/lsec0' }
  await assert.rejects(check(encrypted), { code: 'QEMU_REFUSED', message: /encrypted/ })
  const blockers = ['SEV: Migration is not implemented']
  await assert.rejects(check({ ...encrypted, blockers }), { message: /not implemented/ })
})

test('checkSavable() cancels a migration that a killed save left active, and no other', async () => {
  assert.ok((await check({ migration: 'active' })).commands.includes('migrate_cancel'))
  assert.equal((await check({ migration: 'completed' })).commands.includes('migrate_cancel'), false)
})

test('checkMemoryIsThere() refuses a guest in a postcopy migration', async () => {
  for (const [status, there] of [
    ['postcopy-active', false],
    ['postcopy-paused', false],
    ['completed', true],
    ['none', true],
  ] as const) {
    await using fake = await fakeMonitor((command) => ok(command, { status }))
    await using qmp = await QmpConnection.connect(fake.path)
    const checked = checkMemoryIsThere('web', qmp)
    if (there) await checked
    else await assert.rejects(checked, { code: 'DOMAIN_WRONG_STATE' }, status)
  }
})
