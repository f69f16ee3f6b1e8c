import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { defineDomain, destroyDomain, openConsole, startDomain } from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { qemus } from '../support/qemus.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

const SLOW_MS = 60_000

for (const type of ['pty', 'unix'] as const) {
  test(
    `openConsole() reads and writes a serial port of type ${type}`,
    { timeout: 120_000 },
    async () => {
      await using dir = await tempDir()
      await using _guest = await startLinux(dir, type)
      const { stateDir } = _guest
      await using console = await openConsole('lin', { stateDir })
      assert.equal(console.name, 'lin')
      await waitFor(console.output, /TICK \d+/)
      console.input?.write('uptime\n')
      await waitFor(console.output, /UPTIME \d+/)
      await destroyDomain('lin', { stateDir })
      await console.ended
    },
  )
}

test('openConsole() follows a file, read only', { timeout: SLOW_MS }, async () => {
  await using tiny = await startTinyDomain()
  await tiny.log.advance(1)
  await using console = await openConsole('tiny', { stateDir: tiny.stateDir })
  assert.equal(console.input, undefined)
  await waitFor(console.output, /CNT 0000000[1-9] SUM 7159/)
  await destroyDomain('tiny', { stateDir: tiny.stateDir })
  await console.ended
})

test(
  'openConsole() fails clearly when there is nothing to connect to',
  { timeout: SLOW_MS },
  async () => {
    await using tiny = await startTinyDomain({ started: false })
    const { stateDir, xml } = tiny
    await assert.rejects(openConsole('tiny', { stateDir }), { code: 'DOMAIN_NOT_RUNNING' })
    const mute = xml.replace(/<serial .*<\/serial>/s, '').replace(/<console .*<\/console>/s, '')
    await defineDomain(mute, { stateDir })
    await startDomain('tiny', { stateDir, paused: true })
    await assert.rejects(openConsole('tiny', { stateDir }), {
      code: 'XML_UNSUPPORTED',
      message: /has no serial port/,
    })
  },
)

test(
  'stasis console on a terminal passes keys to the guest and leaves with Ctrl-]',
  { timeout: 120_000 },
  async () => {
    await using dir = await tempDir()
    await using guest = await startLinux(dir, 'pty')
    // script(1) gives the command a terminal of its own.
    const command = `${join(import.meta.dirname, '../../bin/stasis')} --state-dir ${guest.stateDir} console lin`
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    await waitFor(child.stdout, /Escape character is \^\]/)
    await waitFor(child.stdout, /TICK \d+/)
    child.stdin.write('uptime\n')
    await waitFor(child.stdout, /UPTIME \d+/)
    child.stdin.write('\u001d')
    assert.equal(await ended, 0)
  },
)

interface LinuxDomain extends AsyncDisposable {
  readonly stateDir: string
}

async function startLinux(dir: TempDir, type: 'pty' | 'unix'): Promise<LinuxDomain> {
  const stateDir = dir.join('state')
  const emulator = qemus()[0]?.emulator ?? ''
  const serial =
    type === 'pty' ? ({ type } as const) : ({ type, path: dir.join('serial') } as const)
  await defineDomain(domainXml({ name: 'lin', guest: 'linux', emulator, serial }), { stateDir })
  await startDomain('lin', { stateDir })
  return {
    stateDir,
    async [Symbol.asyncDispose](): Promise<void> {
      await destroyDomain('lin', { stateDir }).catch(() => undefined)
    },
  }
}

function waitFor(stream: Readable, pattern: RegExp): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let text = ''
  const timer = setTimeout(
    () => reject(new Error(`No ${pattern} in ${JSON.stringify(text)}`)),
    SLOW_MS,
  )
  const listen = (data: Buffer): void => {
    text += data.toString('latin1')
    if (pattern.test(text)) resolve()
  }
  stream.on('data', listen)
  return promise.finally(() => {
    clearTimeout(timer)
    stream.off('data', listen)
  })
}
