import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { defineDomain, domainInfo, startDomain } from '../../src/index.ts'
import { fakeAgent } from '../support/fake-agent.ts'
import { type CommandResult, startStasis, stasisWith } from '../support/stasis-command.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

const CHANNEL = `<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
  </devices>`

const COMMANDS = {
  STASIS_AGENT_BEFORE_SAVE: '*=/quiet now',
  STASIS_AGENT_AFTER_RESTORE: 'tiny=/loud, *=/never',
}

/** A guest with a channel for an agent; the tests play the agent. */
async function start(): Promise<TinyDomain> {
  const tiny = await startTinyDomain({ started: false })
  const { stateDir, xml } = tiny
  await defineDomain(xml.replace('</devices>', CHANNEL), { stateDir })
  await startDomain('tiny', { stateDir })
  return tiny
}

/** Runs commands while programs in the guest end as `exits` says; returns the programs, too. */
async function runner(tiny: TinyDomain, exits: Readonly<Record<string, number>> = {}) {
  const ran: string[] = []
  const exec = (command: readonly string[]) => {
    const text = command.join(' ')
    ran.push(text)
    const exitcode = exits[text] ?? 0
    return exitcode < 0 ? undefined : { exitcode, output: `working\n${text} says ${exitcode}\n` }
  }
  const env = { ...COMMANDS, STASIS_AGENT_TIME_LIMIT: '1' }
  const run = async (...args: readonly string[]): Promise<CommandResult> => {
    await using _agent = await fakeAgent(join(tiny.runtimeDir, 'tiny/channel0.sock'), [], exec)
    return await stasisWith({ stateDir: tiny.stateDir, env }, ...args)
  }
  return { run, ran, env }
}

async function lastEntry({ stateDir }: TinyDomain): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(join(stateDir, 'journal/journal.jsonl'), 'utf8')
  return JSON.parse(text.trim().split('\n').at(-1) ?? '') as Readonly<Record<string, unknown>>
}

test('a command runs in the guest before its save, and the journal keeps its output', async () => {
  await using tiny = await start()
  const { run, ran } = await runner(tiny)
  const { exitCode, stderr } = await run('save', 'tiny', tiny.dir.join('image'))
  assert.equal(exitCode, 0, stderr)
  assert.equal(stderr, '')
  assert.deepEqual(ran, ['/quiet now'])
  assert.deepEqual((await lastEntry(tiny))['guestCommands'], [
    {
      when: 'before-save',
      command: ['/quiet', 'now'],
      status: 0,
      output: 'working\n/quiet now says 0\n',
    },
  ])
})

test('a command that fails in the guest refuses the save, and the guest keeps running', async () => {
  await using tiny = await start()
  const { stateDir, dir, log } = tiny
  const { run, ran } = await runner(tiny, { '/quiet now': 3 })
  const { exitCode, stderr } = await run('save', 'tiny', dir.join('image'))
  assert.equal(exitCode, 3)
  assert.match(stderr, /^error: Could not save domain 'tiny'; it is still running\n/)
  assert.match(
    stderr,
    /The command \/quiet in the guest of domain 'tiny' failed: \/quiet now says 3/,
  )
  assert.deepEqual(ran, ['/quiet now'])
  assert.equal((await domainInfo('tiny', { stateDir })).state, 'running')
  assert.equal((await lastEntry(tiny))['code'], 'GUEST_COMMAND_FAILED')
  await log.advance(1)
})

test('a command that takes too long refuses the save', async () => {
  await using tiny = await start()
  const { run } = await runner(tiny, { '/quiet now': -1 })
  const { exitCode, stderr } = await run('managedsave', 'tiny')
  assert.equal(exitCode, 3)
  assert.match(stderr, /failed: it did not end within 1 s/)
  await tiny.log.advance(1)
})

for (const [what, signal] of [
  ['failed', 'SIGINT'],
  ['was killed', 'SIGKILL'],
] as const)
  test(`after a save that ${what}, the guest runs the command of a restore`, async () => {
    await using tiny = await start()
    const { runtimeDir, stateDir, dir, log } = tiny
    const { env } = await runner(tiny)
    const ran: string[] = []
    const exec = (command: readonly string[]) => {
      ran.push(command.join(' '))
      return { exitcode: 0, output: '' }
    }
    await using _agent = await fakeAgent(join(runtimeDir, 'tiny/channel0.sock'), [], exec)
    const args = ['save', 'tiny', dir.join('image'), '--max-bandwidth', '1M']
    const { child, ended } = startStasis(stateDir, args, env)
    while (ran.length === 0) await delay(20)
    await delay(300)
    child.kill(signal)
    const { stderr } = await ended
    if (signal === 'SIGINT')
      assert.match(stderr, /Cancelled: save domain 'tiny'; it is still running/)
    for (let look = 0; look < 200 && ran.length < 2; look += 1) await delay(50)
    assert.deepEqual(ran, ['/quiet now', '/loud'])
    await log.advance(1)
  })

test('without an agent, save is refused, and host-save warns', { timeout: 120_000 }, async () => {
  await using tiny = await start()
  const { stateDir, dir } = tiny
  const { env } = await runner(tiny)
  const refused = await stasisWith({ stateDir, env }, 'save', 'tiny', dir.join('image'))
  assert.equal(refused.exitCode, 6)
  assert.match(refused.stderr, /The guest agent does not answer/)
  const { exitCode, stdout } = await stasisWith({ stateDir, env }, 'host-save', '--json')
  assert.equal(exitCode, 0)
  assert.match(stdout, /\/quiet was not run in the guest: The guest agent does not answer/)
})

test('a command for all guests does not run in one without a channel for an agent', async () => {
  await using tiny = await startTinyDomain()
  const { env } = await runner(tiny)
  const all = { ...env, STASIS_AGENT_AFTER_RESTORE: '*=/loud' }
  const image = tiny.dir.join('image')
  for (const args of [
    ['save', 'tiny', image],
    ['restore', image],
  ]) {
    const { exitCode, stderr } = await stasisWith({ stateDir: tiny.stateDir, env: all }, ...args)
    assert.equal(exitCode, 0, stderr)
    assert.equal(stderr, '')
  }
})

test('a command that cannot run after a restore is a warning; of a paused guest, when it is resumed', async () => {
  await using tiny = await start()
  const { run, ran, env } = await runner(tiny, { '/loud': 1 })
  const image = tiny.dir.join('image')
  assert.equal((await run('save', 'tiny', image)).exitCode, 0)
  const restored = await stasisWith({ stateDir: tiny.stateDir, env }, 'restore', image, '--paused')
  assert.equal(restored.exitCode, 0, restored.stderr)
  assert.equal(restored.stderr, '')
  const resumed = await run('resume', 'tiny')
  assert.equal(resumed.exitCode, 0, resumed.stderr)
  assert.match(resumed.stderr, /^warning: The command \/loud .* failed: \/loud says 1\n$/)
  assert.deepEqual(ran, ['/quiet now', '/loud'])
  assert.equal((await run('suspend', 'tiny')).exitCode, 0)
  assert.equal((await run('resume', 'tiny')).stderr, '')
  assert.deepEqual(ran, ['/quiet now', '/loud'])
})
