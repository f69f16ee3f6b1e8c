import '../support/allow.ts'
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { defineDomain, destroyDomain, startDomain } from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { qemus } from '../support/qemus.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

const command = join(import.meta.dirname, '../../bin/stasis')

/** A terminal with `stasis` in it. */
class Terminal implements Disposable {
  readonly #child: ChildProcess
  #shown = ''
  readonly ended: Promise<unknown[]>

  constructor(stateDir: string, args: string) {
    // Without `exec`, the shell receives Ctrl-C as well, and some shells then end with 130 in place of the command's exit code.
    const line = `exec '${command}' ${args}`
    const env = { ...process.env, STASIS_STATE_DIR: stateDir }
    this.#child = spawn('script', ['-qec', line, '/dev/null'], { env, stdio: 'pipe' })
    this.#child.stdout?.on('data', (data: Buffer) => (this.#shown += data.toString()))
    this.ended = once(this.#child, 'exit')
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
  }

  /** Types keys, and waits until the terminal shows a text behind what it has shown so far. */
  async type(keys: string, expected: RegExp): Promise<string> {
    this.#shown = ''
    this.#child.stdin?.write(keys)
    return this.shows(expected)
  }

  async shows(expected: RegExp): Promise<string> {
    for (let tries = 0; tries < 400; tries += 1) {
      if (expected.test(this.#shown)) return this.#shown
      await delay(50)
    }
    throw new Error(`${expected} does not appear in ${JSON.stringify(this.#shown)}`)
  }
}

/** The prompt waits for keys. */
const PROMPT = /stasis # [^\n]*$/

/** A state directory with a definition, which is never started. */
async function withWeb(): Promise<TempDir & { readonly state: string }> {
  const dir = await tempDir()
  const state = dir.join('state')
  await mkdir(join(state, 'domains'), { recursive: true, mode: 0o700 })
  const uuid = '7ceccd75-b34d-492e-a098-d2f59510e1f5'
  const xml = `<domain type='qemu'><name>web</name><uuid>${uuid}</uuid></domain>`
  await writeFile(join(state, 'domains/web.xml'), xml, { mode: 0o600 })
  return Object.assign(dir, { state })
}

function script(state: string, input: string, ...args: readonly string[]): readonly unknown[] {
  const env = { ...process.env, STASIS_STATE_DIR: state }
  const { stdout, stderr, status } = spawnSync(command, args, { env, input, encoding: 'utf8' })
  return [stdout, stderr, status]
}

test('standard input is a script', async () => {
  await using web = await withWeb()
  const { state } = web
  const text = [
    '# a comment',
    'domstate nobody',
    'list \\',
    '  --all --name # another',
    `cd ${web.path}`,
    'pwd; echo "two  words"',
    'frobnicate; echo never',
    'echo "open',
    'quit',
    'echo never',
  ].join('\n')
  const [stdout, stderr, status] = script(state, text)
  assert.equal(stdout, `web\n${web.path}\ntwo  words\n`)
  assert.match(String(stderr), /^error: There is no domain 'nobody'\n.*\nerror: Unknown command 'f/)
  assert.match(String(stderr), /error: The commands end after an open ": echo "open\n$/)
  assert.equal(status, 0)
  // The exit code is that of the last command, and the options of the command line count for each.
  assert.deepEqual(script(state, 'echo a\ndomstate nobody').slice(2), [3])
  assert.deepEqual(script(state, 'domstate nobody\nlist --all --name').slice(2), [0])
  assert.match(String(script(state, 'undefine web', '-r')[1]), /--readonly forbids it/)
  assert.match(String(script(state, 'list --all', '--json', '-q')[0]), /^\[\{"name":"web"/)
  assert.deepEqual(script(state, '# nothing\n'), ['', '', 0])
  assert.match(String(script(state, 'define -')[1]), /^error: A script cannot use '-'/)
  assert.match(String(script(state, '')[1]), /^error: No verb was given/)
  assert.match(String(script(state, 'list', '-c', 'xen:///')[1]), /is invalid. Stasis knows only/)
})

test('connect chooses the domains of the next commands', async () => {
  await using web = await withWeb()
  const env = { ...process.env, XDG_STATE_HOME: web.path, XDG_RUNTIME_DIR: web.path }
  const input =
    'list --all --name\nconnect qemu:///session --readonly\nlist --all --name\nundefine x\nconnect\nlist --all --name\nconnect xen:///\n'
  const { stdout, stderr } = spawnSync(command, ['--state-dir', web.state], {
    env,
    input,
    encoding: 'utf8',
  })
  assert.equal(stdout, 'web\nweb\n')
  assert.match(stderr, /^error: 'undefine' changes something[^]*\nerror: .*'xen:\/\/\/' is invalid/)
})

test('a script is run line by line as it comes', async () => {
  await using web = await withWeb()
  const env = { ...process.env, STASIS_STATE_DIR: web.state }
  const child = spawn(command, [], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  for (const word of ['one', 'two']) {
    child.stdin.write(`echo ${word}\n`)
    const [data] = (await once(child.stdout, 'data')) as [Buffer]
    assert.equal(data.toString(), `${word}\n`)
  }
  child.stdin.end('domstate nobody')
  assert.deepEqual(await once(child, 'exit'), [3, null])
})

test('the prompt completes, remembers and ends', { timeout: 60_000 }, async () => {
  await using web = await withWeb()
  using terminal = new Terminal(web.state, '')
  await terminal.shows(PROMPT)
  await terminal.type('domuu', /domuu$/)
  await terminal.type('\t', /id $/)
  await terminal.type('w', /w$/)
  await terminal.type('\t', /eb $/)
  assert.match(await terminal.type('\r', PROMPT), /7ceccd75-/)
  await terminal.type('frobnicate\r', /Unknown command 'frobnicate'[^]*stasis # /)
  // A line continues, and several are pasted at once.
  await terminal.type('echo one \\\r', /\n[^\n]*> [^\n]*$/)
  await terminal.type('two\r', /one two\r\n[^]*stasis # /)
  const pasted = await terminal.type('echo three\recho four\recho fi', /stasis # .*echo fi/)
  assert.match(pasted, /[^o ]three\r\nfour\r\n/)
  await terminal.type('ve\r', /\r\nfive\r\n[^]*stasis # /)
  await terminal.type('\u0004', /\r\n$/)
  assert.deepEqual(await terminal.ended, [0, null])
  const history = await readFile(join(web.state, 'prompt-history'), 'utf8')
  assert.match(history, /^domuuid web \nfrobnicate\necho one \\\ntwo\necho three\n/)

  using next = new Terminal(web.state, '-q -r')
  assert.doesNotMatch(await next.shows(/stasis > [^\n]*$/), /Welcome/)
  await next.type('\u001b[A', /echo five/)
  await next.type('\r', /\r\nfive\r\n[^]*stasis > /)
  await next.type('undefine web\r', /--readonly forbids it[^]*stasis > /)
  await next.type('\u0003', /\^C/)
  assert.deepEqual(await next.ended, [130, null])
})

test(
  'Ctrl-C ends a command, not the prompt; a console has the keys',
  { timeout: 90_000 },
  async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const emulator = qemus()[0]?.emulator ?? ''
    const serial = { type: 'pty' } as const
    await defineDomain(domainXml({ name: 'tiny', guest: 'tiny', emulator, serial }), { stateDir })
    await startDomain('tiny', { stateDir })
    using terminal = new Terminal(stateDir, '-e ^T')
    await terminal.shows(PROMPT)
    await terminal.type('event --loop\r', /event --loop\r+\n/)
    await delay(1500)
    const left = await terminal.type('\u0003', PROMPT)
    assert.match(left, /event loop interrupted\r\nevents received: 0/)
    assert.doesNotMatch(left, /Cancelling/)
    await terminal.type('console tiny\r', /Escape character is \^T \(Ctrl \+ T\)/)
    await terminal.type('quit\r', /./)
    await terminal.type('\u0014', PROMPT)
    await terminal.type('domstate tiny\r', /running\r\n[^]*stasis # /)
    await terminal.type('quit\r', /quit/)
    assert.deepEqual(await terminal.ended, [0, null])
    await destroyDomain('tiny', { stateDir })
  },
)

test('event has the words and the exit codes of virsh', { timeout: 60_000 }, async () => {
  await using web = await withWeb()
  const run = (...args: readonly string[]): readonly unknown[] =>
    script(web.state, '', 'event', ...args)
  const [list, ...rest] = run('--list')
  assert.match(String(list), /^lifecycle\n(?:[a-z-]+\n)+$/)
  assert.deepEqual(rest, ['', 0])
  const [late, reason, status] = run('--all', '--timeout', '1')
  assert.deepEqual([late, status], ['event loop timed out\nevents received: 0\n', 3])
  assert.match(String(reason), /^error: There was no event within 1 s\n/)
  assert.match(
    String(run('--event', 'reboot')[1]),
    /Stasis does not see events of the type 'reboot': .+\nhint: /,
  )
  assert.match(
    String(run('--event', 'nosuch')[1]),
    /There are no events of the type 'nosuch'\nhint: /,
  )
  assert.match(String(run('--event', 'lifecycle', '--all')[1]), /mutually exclusive/)
  assert.match(String(run('nobody', '--timeout', '1')[1]), /There is no domain 'nobody'/)
})

test(
  'event and console end when their reader has gone, though nothing happens',
  { timeout: 60_000 },
  async () => {
    await using tiny = await startTinyDomain()
    const shell = (line: string): string => {
      const env = { ...process.env, STASIS_STATE_DIR: tiny.stateDir, S: command }
      const { stdout } = spawnSync('bash', ['-c', line], { env, encoding: 'utf8' })
      return stdout
    }
    assert.equal(
      shell(
        '"$S" suspend tiny >/dev/null; timeout 20 "$S" console tiny </dev/null 2>/dev/null | true; echo ${PIPESTATUS[0]}',
      ),
      '0\n',
    )
    assert.equal(shell('timeout 20 "$S" event --loop | true; echo ${PIPESTATUS[0]}'), '0\n')
  },
)
