import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeMonitor, ok, refused } from '../../test/support/fake-monitor.ts'
import { QmpConnection } from '../qmp/connection.ts'
import { cancelMigration } from './cancel.ts'

/** Cancels on a monitor whose migration has `status`, until `ends` names the command after which it has another. */
async function cancel(
  status: string,
  ends: Readonly<Record<string, string>>,
  { timeoutMs = 100, yankRefused = false } = {},
): Promise<{ readonly phase: string | undefined; readonly commands: readonly string[] }> {
  let now = status
  await using fake = await fakeMonitor((command) => {
    now = ends[command.execute] ?? now
    if (command.execute === 'yank' && yankRefused) return refused(command, 'Nothing to yank')
    if (command.execute === 'query-status') return ok(command, { status: 'postmigrate' })
    return ok(command, command.execute === 'query-migrate' ? { status: now } : {})
  })
  await using qmp = await QmpConnection.connect(fake.path)
  const end = await cancelMigration(qmp, { timeoutMs })
  const commands = fake.received.map(({ execute }) => execute)
  return { phase: end?.phase, commands: commands.filter((name) => !name.startsWith('q')) }
}

test('cancelMigration() does nothing when no migration is active', async () => {
  for (const status of ['none', 'completed', 'failed', 'cancelled'])
    assert.deepEqual(await cancel(status, {}), { phase: undefined, commands: [] })
})

test('cancelMigration() cancels an active migration and returns its outcome', async () => {
  for (const status of ['setup', 'active', 'device', 'cancelling'])
    for (const outcome of ['cancelled', 'completed', 'failed'])
      assert.deepEqual(await cancel(status, { migrate_cancel: outcome }), {
        phase: outcome,
        commands: ['migrate_cancel'],
      })
})

test('cancelMigration() yanks a migration that does not end by itself', async () => {
  const { phase, commands } = await cancel('active', {
    migrate_cancel: 'cancelling',
    yank: 'cancelled',
  })
  assert.equal(phase, 'cancelled')
  assert.deepEqual(commands, ['migrate_cancel', 'yank'])
})

test('cancelMigration() throws QEMU_TIMEOUT when even yank has no effect', async () => {
  for (const yankRefused of [false, true])
    await assert.rejects(cancel('active', {}, { timeoutMs: 50, yankRefused }), {
      code: 'QEMU_TIMEOUT',
    })
})
