import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createCheckpoint, defineDomain, listCheckpoints, startDomain } from '../../src/index.ts'
import { fakeAgent } from '../support/fake-agent.ts'
import { newestQemu } from '../support/qemus.ts'
import { startStasis } from '../support/stasis-command.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'
import { watchersEnd } from '../support/watchers.ts'

const CHANNEL = `<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
  </devices>`

const FREEZE = 'guest-fsfreeze-freeze'
const THAW = 'guest-fsfreeze-thaw'

const isFrozen = async ({ runtimeDir }: TinyDomain): Promise<boolean> =>
  (await readFile(join(runtimeDir, 'tiny/process.json'), 'utf8')).includes('"frozen"')

test('a guest is frozen for the instant of a checkpoint, and thawed also if its process is killed', async () => {
  const emulator = newestQemu()[0]?.emulator ?? ''
  await using tiny = await startTinyDomain({
    emulator,
    started: false,
    writes: { pages: 64, rate: 8 },
  })
  const { stateDir, runtimeDir, name, xml, log } = tiny
  await defineDomain(xml.replace('</devices>', CHANNEL), { stateDir })
  await startDomain(name, { stateDir })
  await log.advance(1)
  await using agent = await fakeAgent(join(runtimeDir, 'tiny/channel0.sock'))
  const ways = [{}, { stopped: true }, { diskOnly: true }] as const
  for (const [at, way] of ways.entries()) {
    await createCheckpoint(name, `made-${at}`, { stateDir, quiesce: true, ...way })
    assert.deepEqual(agent.commands.slice(2 * at), [FREEZE, THAW])
    assert.equal(await isFrozen(tiny), false)
  }
  let expected = 2 * ways.length
  for (const flags of [[], ['--stopped'], ['--disk-only']]) {
    const argv = ['checkpoint', name, 'killed', '--quiesce', ...flags]
    const { child, ended } = startStasis(stateDir, argv)
    while (agent.commands.length === expected && child.exitCode === null) await delay(1)
    child.kill('SIGKILL')
    assert.equal((await ended).exitCode, -1)
    await watchersEnd(stateDir)
    assert.deepEqual(agent.commands.slice(expected), [FREEZE, THAW], argv.join(' '))
    assert.equal(await isFrozen(tiny), false)
    expected += 2
    await log.advance(1)
  }
  await createCheckpoint(name, 'last', { stateDir, diskOnly: true })
  const { checkpoints } = await listCheckpoints(name, { stateDir })
  assert.deepEqual(
    checkpoints.map((one) => one.name),
    ['made-0', 'made-1', 'made-2', 'last'],
  )
  await log.assertUnbroken()
})
