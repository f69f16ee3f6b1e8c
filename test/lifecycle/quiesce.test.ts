import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  defineDomain,
  domainInfo,
  freezeDomain,
  resumeDomain,
  saveDomain,
  startDomain,
  thawDomain,
} from '../../src/index.ts'
import { type FakeAgent, fakeAgent } from '../support/fake-agent.ts'
import { startStasis, stasis } from '../support/stasis-command.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

const CHANNEL = `<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
  </devices>`

const FREEZE = 'guest-fsfreeze-freeze'
const THAW = 'guest-fsfreeze-thaw'

/** A guest with a channel for an agent, and with no agent in it. */
async function startWithChannel(): Promise<TinyDomain> {
  const tiny = await startTinyDomain({ started: false })
  const { stateDir, xml } = tiny
  await defineDomain(xml.replace('</devices>', CHANNEL), { stateDir })
  await startDomain('tiny', { stateDir })
  return tiny
}

function agentOf({ runtimeDir }: TinyDomain, refused?: readonly string[]): Promise<FakeAgent> {
  return fakeAgent(join(runtimeDir, 'tiny/channel0.sock'), refused)
}

async function isFrozen({ runtimeDir }: TinyDomain): Promise<boolean> {
  const text = await readFile(join(runtimeDir, 'tiny/process.json'), 'utf8')
  return (JSON.parse(text) as { readonly frozen?: boolean }).frozen === true
}

test(
  'save --quiesce freezes the guest, and its restore thaws it',
  { timeout: 120_000 },
  async () => {
    await using tiny = await startWithChannel()
    const { stateDir, dir, log } = tiny
    const image = dir.join('image')
    await log.advance(1)
    {
      await using agent = await agentOf(tiny)
      const { exitCode, stderr } = await stasis(stateDir, 'save', 'tiny', image, '--quiesce')
      assert.equal(exitCode, 0, stderr)
      assert.deepEqual(agent.commands, [FREEZE])
    }
    // No agent answers after this restore, so the guest stays frozen, and everybody is told.
    const restored = await stasis(stateDir, 'restore', image)
    assert.equal(restored.exitCode, 0, restored.stderr)
    assert.match(
      restored.stderr,
      /warning: The file systems of domain 'tiny' are still frozen: .*`stasis domfsthaw tiny`/,
    )
    assert.equal(await isFrozen(tiny), true)
    await using agent = await agentOf(tiny)
    const thawed = await stasis(stateDir, 'domfsthaw', 'tiny')
    assert.equal(thawed.stdout, "File systems of domain 'tiny' thawed\n")
    assert.deepEqual(agent.commands, [THAW])
    assert.equal(await isFrozen(tiny), false)
    await log.advance(1)
  },
)

test(
  'a guest that was restored paused is thawed when it is resumed',
  { timeout: 120_000 },
  async () => {
    await using tiny = await startWithChannel()
    const { stateDir, dir } = tiny
    const image = dir.join('image')
    {
      await using _agent = await agentOf(tiny)
      await freezeDomain('tiny', { stateDir })
      assert.equal(await isFrozen(tiny), true)
      // An image of a guest that is frozen already says so, too.
      await saveDomain('tiny', image, { stateDir })
    }
    const { stderr } = await stasis(stateDir, 'restore', image, '--paused')
    assert.equal(stderr, '')
    await using agent = await agentOf(tiny)
    await assert.rejects(thawDomain('tiny', { stateDir }), { code: 'DOMAIN_WRONG_STATE' })
    await resumeDomain('tiny', { stateDir })
    assert.deepEqual(agent.commands, [THAW])
    assert.equal(await isFrozen(tiny), false)
  },
)

test('a save that fails thaws the guest', async () => {
  await using tiny = await startWithChannel()
  const { stateDir, dir, log } = tiny
  const abort = new AbortController()
  await using agent = await agentOf(tiny)
  const saving = saveDomain('tiny', dir.join('image'), {
    stateDir,
    quiesce: true,
    maxBandwidth: 1024 * 1024,
    signal: abort.signal,
    onProgress: ({ phase }) => phase === 'transferring' && abort.abort(),
  })
  await assert.rejects(saving, { code: 'CANCELLED', outcome: 'it is still running' })
  assert.deepEqual(agent.commands, [FREEZE, THAW])
  assert.equal(await isFrozen(tiny), false)
  assert.equal((await domainInfo('tiny', { stateDir })).state, 'running')
  await log.advance(1)
})

test('a guest whose agent refuses to freeze it is not saved, and keeps running', async () => {
  await using tiny = await startWithChannel()
  const { stateDir, dir, log } = tiny
  await using agent = await agentOf(tiny, [FREEZE])
  const saving = saveDomain('tiny', dir.join('image'), { stateDir, quiesce: true })
  await assert.rejects(saving, (error: Error & { readonly code?: string }) => {
    assert.equal(error.code, 'QEMU_REFUSED')
    assert.equal(error.message, "Could not save domain 'tiny'; it is still running")
    assert.match(String(error.cause), /refused guest-fsfreeze-freeze: not now/)
    return true
  })
  assert.deepEqual(agent.commands, [FREEZE, THAW])
  await log.advance(1)
})

test('the watcher of a save that was killed thaws the guest', { timeout: 120_000 }, async () => {
  await using tiny = await startWithChannel()
  const { stateDir, dir, log } = tiny
  await using agent = await agentOf(tiny)
  const args = ['save', 'tiny', dir.join('image'), '--quiesce', '--max-bandwidth', '1M']
  const { child, ended } = startStasis(stateDir, args)
  while (agent.commands.length === 0) await delay(20)
  await delay(300)
  child.kill('SIGKILL')
  await ended
  for (let look = 0; look < 200 && agent.commands.length < 2; look += 1) await delay(50)
  assert.deepEqual(agent.commands, [FREEZE, THAW])
  await log.advance(1)
  // The watcher records it once the agent has answered.
  for (let look = 0; look < 200 && (await isFrozen(tiny)); look += 1) await delay(50)
  assert.equal(await isFrozen(tiny), false)
})

test(
  'without an agent, save --quiesce is refused, and host-save --quiesce warns',
  { timeout: 120_000 },
  async () => {
    await using tiny = await startWithChannel()
    const { stateDir, dir } = tiny
    const refused = await stasis(stateDir, 'save', 'tiny', dir.join('image'), '--quiesce')
    assert.equal(refused.exitCode, 6)
    assert.match(refused.stderr, /^error: The guest agent does not answer/)
    assert.equal((await domainInfo('tiny', { stateDir })).state, 'running')
    const { exitCode, stdout } = await stasis(stateDir, 'host-save', '--quiesce', '--json')
    assert.equal(exitCode, 0)
    assert.match(stdout, /its file systems were not frozen: The guest agent does not answer/)
  },
)
