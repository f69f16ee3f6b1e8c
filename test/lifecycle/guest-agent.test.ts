import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, truncate, writeFile } from 'node:fs/promises'
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
import { startStasis, stasis, stasisWith } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const CHANNEL = `<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <memballoon`

// A real agent needs its own guest, and a minute.
const skip = !isLongRun() && 'long run only'

before(async () => {
  if (skip !== false) return
  await promisify(execFile)('sh', [join(import.meta.dirname, '../../scripts/agent-guest')])
})

/** A Linux guest in which the real qemu-guest-agent runs. */
async function startWithAgent(diskPath?: string): Promise<LinuxDomain> {
  const emulator = qemus()[0]?.emulator ?? ''
  const { initrd } = guestPaths()
  const parts = [await readFile(initrd), await readFile(join(cacheDir, 'agent-guest/agent.cpio'))]
  const whole = join(cacheDir, 'agent-guest/initrd')
  await writeFile(whole, Buffer.concat(parts))
  const domain = await startLinuxDomain({
    emulator,
    ...(diskPath !== undefined && { diskPath }),
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

/** What `guest-exec-status` answers. */
interface ExecStatus {
  readonly exited: boolean
  readonly exitcode?: number
  readonly 'out-data'?: string
  readonly 'err-data'?: string
}

/** Starts a line of shell in the guest. */
async function startInGuest(domain: LinuxDomain, line: string): Promise<number> {
  using agent = await agentOf(domain)
  const exec = { path: '/bin/sh', arg: ['-c', line], 'capture-output': true }
  return ((await agent.execute('guest-exec', exec)) as { readonly pid: number }).pid
}

/** Runs a line of shell in the guest. Returns its output. */
async function runInGuest(domain: LinuxDomain, line: string): Promise<string> {
  const pid = await startInGuest(domain, line)
  using agent = await agentOf(domain)
  for (;;) {
    const status = (await agent.execute('guest-exec-status', { pid })) as ExecStatus
    if (!status.exited) {
      await delay(50)
      continue
    }
    const { exitcode, 'out-data': output = '', 'err-data': errors = '' } = status
    assert.equal(exitcode, 0, `${line}: ${Buffer.from(errors, 'base64').toString()}`)
    return Buffer.from(output, 'base64').toString()
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
    await t.test('checkpoint --quiesce', async () => {
      const status = async (): Promise<unknown> => {
        using agent = await agentOf(domain)
        return await agent.execute('guest-fsfreeze-status')
      }
      for (const more of [[], ['--stopped'], ['--disk-only']]) {
        await says('checkpoint', name, `quiet${more.join('')}`, '--quiesce', ...more)
        assert.equal(await status(), 'thawed')
      }
      await says('checkpoint-revert', name, 'quiet', '--discard')
      assert.equal(await status(), 'thawed')
      for (const one of ['quiet', 'quiet--stopped', 'quiet--disk-only'])
        await says('checkpoint-delete', name, one)
      await says('domtime', name, '--now')
    })
    await t.test('commands of the configuration run in the guest', async () => {
      const config = dir.join('stasis.toml')
      const env = { STASIS_CONFIG: config }
      const quiet = `["/bin/sh", "-c", "echo is quiet; echo 1 >/ram/quiet"]`
      const loud = `["/bin/sh", "-c", "mv /ram/quiet /ram/loud"]`
      await writeFile(
        config,
        `[agent]\nbefore-save."*" = ${quiet}\nafter-restore.linux = ${loud}\n`,
      )
      const run = (...args: string[]) => stasisWith({ stateDir, env }, ...args)
      assert.equal((await run('save', name, dir.join('image'))).stderr, '')
      assert.equal((await run('restore', dir.join('image'))).stderr, '')
      assert.equal(await runInGuest(domain, 'cat /ram/loud'), '1\n')
      const { stdout } = await run('history', '--limit', '2', '--json')
      assert.match(stdout, /"status":0,"output":"is quiet\\n"/)
      for (const [command, reason] of [
        ['["/bin/sh", "-c", "echo the queue is full >&2; exit 4"]', /failed: the queue is full/],
        ['["/no/such"]', /failed: The guest agent refused guest-exec: /],
      ] as const) {
        await writeFile(config, `[agent]\nbefore-save.linux = ${command}\n`)
        const refused = await run('save', name, dir.join('image'))
        assert.equal(refused.exitCode, 3, refused.stderr)
        assert.match(refused.stderr, reason)
      }
      await using console = await domain.console()
      await console.waitForLine(/^TICK/)
    })
    await t.test('dompmsuspend and dompmwakeup', async () => {
      await says('dompmsuspend', name, '--target', 'mem')
      assert.equal(await says('domstate', name), 'pmsuspended\n')
      await says('dompmwakeup', name)
      await using console = await domain.console()
      await console.waitForLine(/^TICK/)
    })
    await t.test('reboot --mode agent', async () => {
      await using console = await domain.console()
      const watch = ['event', name, '--event', 'agent-lifecycle', '--loop', '--timeout', '60']
      const { ended: shown } = startStasis(stateDir, watch)
      await says('reboot', name, '--mode', 'agent')
      await console.waitForLine(/^TICK 1$/, { timeoutMs: 60_000 })
      const start = `event 'agent-lifecycle' for domain '${name}': state: `
      assert.match(
        (await shown).stdout,
        new RegExp(`${start}'disconnected' .*\n${start}'connected' reason: 'channel event'\n`),
      )
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

test(
  'frozen, an ext4 of the guest takes no writes; thawed, and after a restore, it does',
  { timeout: 300_000, skip },
  async () => {
    await using disk = await tempDir()
    const diskPath = disk.join('disk')
    await writeFile(diskPath, '')
    await truncate(diskPath, 64 * 1024 * 1024)
    await promisify(execFile)('mke2fs', ['-q', '-t', 'ext4', '-F', diskPath])
    await using domain = await startWithAgent(diskPath)
    const { stateDir, name, dir } = domain
    const run = async (...args: string[]): Promise<void> => {
      const { stderr, exitCode } = await stasis(stateDir, ...args)
      assert.equal(exitCode, 0, stderr)
      assert.equal(stderr, '')
    }
    await runInGuest(domain, 'mkdir -p /disk && mount -t ext4 /dev/vda /disk')
    const write = 'n=$((n + 1)); echo $n >/disk/count; echo "say WROTE $n" >/events'
    await startInGuest(domain, `n=0; while :; do ${write}; usleep 200000; done`)
    {
      await using console = await domain.console()
      await console.waitForLine(/^WROTE 3$/)
      await run('domfsfreeze', name)
      // What was written just before comes first.
      await console.waitForLine(/^TICK/)
      await console.waitForLine(/^TICK/)
      const before = console.lines.length
      for (let tick = 0; tick < 6; tick += 1) await console.waitForLine(/^TICK/)
      const meanwhile = console.lines.slice(before)
      assert.deepEqual(
        meanwhile.filter((line) => line.startsWith('WROTE')),
        [],
      )
      console.skip()
      await run('domfsthaw', name)
      await console.waitForLine(/^WROTE \d+$/)
    }
    await run('save', name, dir.join('image'), '--quiesce')
    await run('restore', dir.join('image'))
    await using console = await domain.console()
    await console.waitForLine(/^WROTE \d+$/)
    await console.waitForLine(/^WROTE \d+$/)
  },
)
