import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { domainStateReason, managedSaveDomain, saveDomain } from '../../src/index.ts'
import { GuestAgent } from '../../src/qemu/programs/guest-agent.ts'
import { cacheDir } from '../support/cache-dir.ts'
import { guestPaths } from '../support/guests.ts'
import { type LinuxDomain, startLinuxDomain } from '../support/linux-domain.ts'
import { isLongRun, qemus } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'

const CHANNEL = `<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <memballoon`

// A real agent needs its own guest, and a minute.
const skip = !isLongRun() && 'long run only'

before(async () => {
  if (skip !== false) return
  await promisify(execFile)('sh', [join(import.meta.dirname, '../../scripts/agent-guest')])
})

/** A Linux guest in which the real qemu-guest-agent runs. */
async function startWithAgent(): Promise<LinuxDomain> {
  const emulator = qemus()[0]?.emulator ?? ''
  const { initrd } = guestPaths()
  const parts = [await readFile(initrd), await readFile(join(cacheDir, 'agent-guest/agent.cpio'))]
  const whole = join(cacheDir, 'agent-guest/initrd')
  await writeFile(whole, Buffer.concat(parts))
  const domain = await startLinuxDomain({
    emulator,
    changeXml: (xml) =>
      xml
        .replace(initrd, whole)
        .replace('<on_reboot>destroy', '<on_reboot>restart')
        .replace('<memballoon', CHANNEL),
  })
  try {
    using agent = await agentOf(domain)
    await agent.execute('guest-ping')
    return domain
  } catch (error) {
    await domain[Symbol.asyncDispose]()
    throw error
  }
}

async function agentOf({ stateDir, name }: LinuxDomain): Promise<GuestAgent> {
  const path = join(stateDir, 'run', name, 'channel0.sock')
  for (let attempt = 0; ; attempt++) {
    try {
      return await GuestAgent.connect(path)
    } catch (error) {
      if (attempt === 8) throw error
    }
  }
}

/** Waits until the guest listens to its power button. */
async function listensToButton(domain: LinuxDomain): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      using agent = await agentOf(domain)
      await agent.execute('guest-file-open', { path: '/ram/button' })
      return
    } catch (error) {
      if (attempt === 100) throw error
      await delay(200)
    }
  }
}

async function clockOf(domain: LinuxDomain): Promise<number> {
  await using console = await domain.console()
  return Number((await console.ask('date', /^DATE (\d+)$/))[1])
}

/** Puts the guest's clock back to the year 2001, as if it had slept since. */
async function fallAsleep(domain: LinuxDomain): Promise<void> {
  using agent = await agentOf(domain)
  await agent.execute('guest-set-time', { time: 1_000_000_000 * 1_000_000_000 })
  const clock = await clockOf(domain)
  assert.ok(clock >= 1_000_000_000 && clock < 1_000_000_600, `the guest says ${clock}`)
}

async function ended(domain: LinuxDomain): Promise<string> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const { state, reason } = await domainStateReason(domain.name, { stateDir: domain.stateDir })
    if (state === 'shut off') return reason
    await delay(100)
  }
  return 'it still runs'
}

test(
  'the agent in the guest sets its clock after a restore, and shuts it down',
  { timeout: 300_000, skip },
  async (t) => {
    await using domain = await startWithAgent()
    const { stateDir, name, dir } = domain
    const says = async (...args: string[]): Promise<string> => {
      const { stdout, stderr, exitCode } = await stasis(stateDir, ...args)
      assert.equal(exitCode, 0, stderr)
      assert.doesNotMatch(stderr, /warning/)
      return stdout
    }
    const isNow = async (): Promise<void> => {
      const late = Math.abs((await clockOf(domain)) - Date.now() / 1000)
      assert.ok(late < 10, `the guest's clock is ${late} s off`)
    }
    await t.test('restore does not change the clock without --sync-time', async () => {
      await fallAsleep(domain)
      await saveDomain(name, dir.join('image'), { stateDir })
      await says('restore', dir.join('image'))
      assert.ok((await clockOf(domain)) < 1_000_001_000)
    })
    await t.test('restore --sync-time', async () => {
      await saveDomain(name, dir.join('image'), { stateDir })
      await says('restore', dir.join('image'), '--sync-time')
      await isNow()
    })
    await t.test('start --sync-time', async () => {
      await fallAsleep(domain)
      await managedSaveDomain(name, { stateDir })
      await says('start', name, '--sync-time')
      await isNow()
    })
    await t.test('domtime, domhostname, domifaddr, qemu-agent-command', async () => {
      await says('domtime', name, '--time', '1000000000')
      assert.match(await says('domtime', name), /^Time: 100000000\d\n$/)
      assert.match(await says('domtime', name, '--pretty'), /^Time: 2001-09-09 01:46:4\d\n$/)
      await says('domtime', name, '--now')
      await isNow()
      assert.match(await says('domhostname', name), /^\S+\n$/)
      assert.match(await says('domifaddr', name), /\n lo +00:00:00:00:00:00 /)
      const ping = ['qemu-agent-command', name, '{"execute":"guest-ping"}']
      assert.equal(await says(...ping), '{"return":{}}\n')
      assert.equal(await says(...ping, '--pretty', '--timeout', '3'), '{\n  "return": {}\n}\n')
      const { exitCode, stderr } = await stasis(stateDir, 'qemu-agent-command', name, 'no-such')
      assert.equal(exitCode, 6, stderr)
    })
    await t.test('save --quiesce', async () => {
      await says('save', name, dir.join('image'), '--quiesce')
      await says('restore', dir.join('image'), '--sync-time')
      await isNow()
      using agent = await agentOf(domain)
      assert.equal(await agent.execute('guest-fsfreeze-status'), 'thawed')
    })
    await t.test('reboot --mode agent', async () => {
      await using console = await domain.console()
      await says('reboot', name, '--mode', 'agent')
      await console.waitForLine(/^TICK 1$/, { timeoutMs: 60_000 })
    })
    await t.test('shutdown --mode agent', async () => {
      await listensToButton(domain)
      await says('shutdown', name, '--mode', 'agent')
      assert.equal(await ended(domain), 'shutdown')
    })
  },
)

test(
  'a guest that listens to its power button reboots and shuts down',
  { timeout: 300_000, skip },
  async () => {
    await using domain = await startWithAgent()
    const { stateDir, name } = domain
    await listensToButton(domain)
    {
      await using console = await domain.console()
      const { stderr, exitCode } = await stasis(stateDir, 'reboot', name)
      assert.equal(exitCode, 0, stderr)
      await console.waitForLine(/^POWER$/)
      await console.waitForLine(/^TICK 1$/, { timeoutMs: 60_000 })
    }
    await listensToButton(domain)
    const { stdout } = await stasis(stateDir, 'shutdown', name)
    assert.match(stdout, /is being shutdown/)
    assert.equal(await ended(domain), 'shutdown')
  },
)
