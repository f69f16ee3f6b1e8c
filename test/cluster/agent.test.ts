import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { identifyProcess } from '../../src/qemu/process/process-identity.ts'
import { cacheDir } from '../support/cache-dir.ts'
import { isLongRun } from '../support/qemus.ts'
import { command } from '../support/stasis-command.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

const agent = join(import.meta.dirname, '../../cluster/ocf/Domain')
const ocfRoot = join(cacheDir, 'cluster/root/usr/lib/ocf')
const skip =
  !existsSync(ocfRoot) && 'the resource agents are not there: sh scripts/cluster-packages'

/** The exit codes of OCF. */
const [SUCCESS, GENERIC, PERM, INSTALLED, CONFIGURED, NOT_RUNNING] = [0, 1, 4, 5, 6, 7] as const

/** The agent in a folder of its own, with a domain called `tiny`. Disposing removes the folder, and kills the processes that stand for QEMU. */
class Agent implements AsyncDisposable {
  readonly dir: TempDir
  readonly #parameters: Record<string, string>
  readonly #processes: ChildProcess[] = []

  private constructor(dir: TempDir) {
    this.dir = dir
    this.#parameters = {
      config: dir.join('tiny.xml'),
      state_dir: dir.join('state'),
      runtime_dir: dir.join('run'),
      stasis: command,
    }
  }

  static async make(): Promise<Agent> {
    const dir = await tempDir()
    await mkdir(dir.join('run/tiny'), { recursive: true })
    await mkdir(dir.join('tmp'))
    await writeFile(dir.join('tiny.xml'), '<domain>\n  <name>tiny</name>\n</domain>\n')
    return new Agent(dir)
  }

  /** Runs an action. Returns its exit code, and its output. */
  run(
    name: string,
    parameters: Readonly<Record<string, string>> = {},
    environment: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly exitCode: number; readonly said: string }> {
    const given = Object.entries({ ...this.#parameters, ...parameters }).map(
      ([key, value]) => [`OCF_RESKEY_${key}`, value] as const,
    )
    const env = {
      ...process.env,
      OCF_ROOT: ocfRoot,
      OCF_RESOURCE_INSTANCE: 'tiny',
      HA_RSCTMP: this.dir.join('tmp'),
      ...Object.fromEntries(given),
      ...environment,
    }
    return new Promise((resolve) =>
      execFile(agent, [name], { env }, (error, stdout, stderr) =>
        resolve({ exitCode: error === null ? 0 : Number(error.code), said: stdout + stderr }),
      ),
    )
  }

  /** A program instead of stasis that fails with an error, whatever it is asked. */
  async failingWith(code: string): Promise<string> {
    const error = JSON.stringify({ type: 'error', code, message: 'Why', exitCode: 6, causes: [] })
    return this.program(`echo '${error}' >&2; exit 6`)
  }

  /** A program instead of stasis. */
  async program(text: string): Promise<string> {
    const path = this.dir.join('program')
    await writeFile(path, `#!/bin/sh\n${text}\n`)
    await chmod(path, 0o755)
    return path
  }

  /** The record of a running QEMU, as Stasis writes it. */
  async record(fields: Readonly<Record<string, unknown>>): Promise<void> {
    const identity = await identifyProcess(process.pid)
    const record = { version: 1, ...identity, stage: 'running', nested: { pid: 1 }, ...fields }
    await writeFile(this.dir.join('run/tiny/process.json'), `${JSON.stringify(record, null, 2)}\n`)
  }

  /** A process that runs until it is killed. */
  process(): ChildProcess {
    const child = spawn('sleep', ['600'])
    this.#processes.push(child)
    return child
  }

  /** Such a process, recorded as the QEMU of the domain. */
  async qemu(): Promise<ChildProcess> {
    const child = this.process()
    await this.record({ ...(await identifyProcess(child.pid ?? 0)) })
    return child
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes) child.kill('SIGKILL')
    await this.dir[Symbol.asyncDispose]()
  }
}

test('monitor goes by the record and the process, and starts no program', { skip }, async () => {
  await using it = await Agent.make()
  const monitor = async (): Promise<number> =>
    // Neither Stasis nor the storage needs to be there.
    (await it.run('monitor', { stasis: '/nonexistent', config: '/nonexistent', name: 'tiny' }))
      .exitCode
  assert.equal(await monitor(), NOT_RUNNING)
  await it.record({})
  assert.equal(await monitor(), SUCCESS)
  await it.record({ stage: 'starting' })
  assert.equal(await monitor(), GENERIC, 'its guest has not begun')
  await it.record({ bootId: 'another' })
  assert.equal(await monitor(), NOT_RUNNING)
  await it.record({ startTime: 1 })
  assert.equal(await monitor(), NOT_RUNNING, 'the pid belongs to another process')
  await it.record({ pid: 2 ** 22 + 1 })
  assert.equal(await monitor(), NOT_RUNNING)
})

test(
  'monitor with depth asks the guest, and a crashed guest is not saved by the stop',
  { skip },
  async () => {
    await using it = await Agent.make()
    await it.record({})
    const deep = { OCF_CHECK_LEVEL: '10' }
    const asked = it.dir.join('asked')
    const answering = async (state: string): Promise<string> =>
      it.program(`echo "$*" >>${asked}; echo '{"type":"result","state":"${state}"}'`)
    assert.equal(
      (await it.run('monitor', { stasis: await answering('running') }, deep)).exitCode,
      0,
    )
    const busy = await it.failingWith('DOMAIN_BUSY')
    assert.equal((await it.run('monitor', { stasis: busy }, deep)).exitCode, SUCCESS)
    const stasis = await answering('crashed')
    assert.equal((await it.run('monitor', { stasis }, deep)).exitCode, GENERIC)
    const victim = await it.qemu()
    const killing = await it.program(`echo "$*" >>${asked}; kill -9 ${victim.pid}`)
    assert.equal((await it.run('stop', { stasis: killing })).exitCode, SUCCESS)
    assert.doesNotMatch(readFileSync(asked, 'utf8'), /managedsave|shutdown/)
    assert.match(readFileSync(asked, 'utf8'), /destroy tiny/)
  },
)

test('start turns error codes into those of OCF', { skip }, async () => {
  await using it = await Agent.make()
  for (const [code, expected] of [
    ['QEMU_NOT_FOUND', INSTALLED],
    ['IMAGE_INCOMPATIBLE', INSTALLED],
    ['NO_PERMISSION', PERM],
    ['XML_INVALID', CONFIGURED],
    ['IMAGE_STALE', CONFIGURED],
    ['QEMU_START_FAILED', GENERIC],
    ['IO_ERROR', GENERIC],
  ] as const) {
    const { exitCode } = await it.run('start', {
      stasis: await it.failingWith(code),
      on_stale: 'fail',
    })
    assert.equal(exitCode, expected, code)
  }
})

test('validate-all refuses what no node could do', { skip }, async () => {
  await using it = await Agent.make()
  const validate = (parameters: Readonly<Record<string, string>>): ReturnType<Agent['run']> =>
    it.run('validate-all', parameters)
  assert.equal((await validate({ save_options: '--format sparse' })).exitCode, SUCCESS)
  const mistyped = await validate({ save_options: '--frmat sparse' })
  assert.equal(mistyped.exitCode, CONFIGURED)
  assert.match(mistyped.said, /save_options: Unknown option '--frmat'/)
  for (const wrong of [
    { on_stop: 'sleep' },
    { on_stale: 'perhaps' },
    { mode: 'fast' },
    { config: '' },
    { runtime_dir: it.dir.join('state/run') },
  ])
    assert.equal((await validate(wrong)).exitCode, CONFIGURED, JSON.stringify(wrong))
  assert.equal((await validate({ stasis: '/nonexistent' })).exitCode, INSTALLED)
  assert.equal((await validate({ config: '/nonexistent' })).exitCode, INSTALLED)
})

test('start takes a guest over only from a host that is surely dead', { skip }, async () => {
  await using it = await Agent.make()
  await mkdir(it.dir.join('state/owners/tiny'), { recursive: true })
  const owner = { version: 1, runner: { bootId: 'boot1' }, holder: { bootId: 'boot2' } }
  await writeFile(it.dir.join('state/owners/tiny/12.json'), `${JSON.stringify(owner, null, 2)}\n`)
  await writeFile(it.dir.join('state/owners/tiny/9.json'), '')
  const asked = it.dir.join('asked')
  const stasis = await it.program(`case "$*" in *--take-over*) echo "$*" >>${asked};; esac
echo '{"type":"error","code":"DOMAIN_ELSEWHERE","message":"There","host":"alpha","hostId":"id1","generation":12,"causes":[]}' >&2; exit 3`)
  const bin = it.dir.join('bin')
  await mkdir(bin)
  for (const [name, text] of Object.entries({
    crm_attribute: 'echo "$FENCING"',
    crm_node: 'case $1 in --quorum) echo "${QUORUM-1}";; *) echo "$MEMBERS";; esac',
    cibadmin: 'echo "$RECORD"',
    attrd_updater: 'echo "name=\\"stasis-boot\\" host=\\"alpha\\" value=\\"$TOLD\\""',
    sleep: 'exit 0',
  })) {
    await writeFile(join(bin, name), `#!/bin/sh\n${text}\n`)
    await chmod(join(bin, name), 0o755)
  }
  // As Pacemaker 2.1.5 writes it about a node that it has fenced.
  const fenced = '<node_state uname="alpha" in_ccm="false" crmd="offline" expected="down"/>'
  const takes = async (
    FENCING: string,
    MEMBERS: string,
    TOLD: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<boolean> => {
    await writeFile(asked, '')
    const PATH = `${bin}:${process.env['PATH']}`
    const environment = { FENCING, MEMBERS, TOLD, RECORD: fenced, PATH, ...more }
    await it.run('start', { stasis }, environment)
    const takeOvers = readFileSync(asked, 'utf8').trim().split('\n')
    for (const line of takeOvers) assert.match(line, /^$|--take-over id1:12$/)
    return takeOvers[0] !== ''
  }
  assert.ok(await takes('true', 'beta gamma', ''), 'the cluster has fenced it')
  const later = fenced.replace('"false"', '"0"').replace('"offline"', '"0"')
  assert.ok(await takes('true', 'beta gamma', '', { RECORD: later }), 'a later Pacemaker')
  const stopped = `${fenced.slice(0, -2)}><lrm id="1"></lrm></node_state>`
  for (const [RECORD, why] of [
    [stopped, 'its Pacemaker was stopped, and it may still run guests'],
    [fenced.replace('expected="down"', 'expected="member"'), 'it is about to be fenced'],
    [fenced.replace('in_ccm="false"', 'in_ccm="true"'), 'Corosync still runs there'],
    [fenced.replace('crmd="offline"', 'crmd="online"'), 'Pacemaker still runs there'],
    ['', 'the cluster knows nothing about it'],
  ] as const)
    assert.ok(!(await takes('true', 'beta gamma', '', { RECORD })), why)
  assert.ok(!(await takes('true', 'beta gamma', '', { QUORUM: '0' })), 'this part has no quorum')
  assert.ok(await takes('true', 'alpha beta', 'boot3'), 'it has booted since')
  assert.ok(!(await takes('true', 'alpha beta', 'boot1')), 'it runs there')
  assert.ok(!(await takes('true', 'alpha beta', 'boot2')), 'a command there has it')
  assert.ok(!(await takes('true', 'alpha beta', '')), 'nobody knows which boot it is')
  assert.ok(!(await takes('false', 'beta gamma', '')), 'nobody has fenced it')
})

test(
  'stop fails if the storage is not mounted, and leaves the guest to the fence',
  { skip },
  async () => {
    await using it = await Agent.make()
    const victim = await it.qemu()
    const asked = it.dir.join('asked')
    const missing = JSON.stringify({ type: 'error', code: 'STATE_MISSING', message: 'Away' })
    const stasis = await it.program(`echo "$2" >>${asked}; echo '${missing}' >&2; exit 7`)
    const limit = { OCF_RESKEY_CRM_meta_timeout: '20000' }
    const { exitCode } = await it.run('stop', { stasis }, limit)
    assert.equal(exitCode, INSTALLED)
    const verbs = new Set(readFileSync(asked, 'utf8').trim().split('\n'))
    assert.deepEqual([...verbs], ['managedsave'])
    assert.equal(victim.exitCode, null)
  },
)

test('stop gives up a checkpoint that is being made, and saves the guest', { skip }, async () => {
  await using it = await Agent.make()
  const [victim, copier] = [await it.qemu(), it.process()]
  await writeFile(it.dir.join('tmp/stasis-tiny.copying'), `${copier.pid}\n`)
  const [asked, aborted] = [it.dir.join('asked'), it.dir.join('aborted')]
  const stasis = await it.program(`echo "$2" >>${asked}
[ "$2" != domjobabort ] || : >${aborted}
[ "$2" = managedsave ] || exit 0
[ -e ${aborted} ] || { echo '{"type":"error","code":"DOMAIN_BUSY","message":"Busy"}' >&2; exit 3; }
kill -9 ${victim.pid}`)
  assert.equal((await it.run('stop', { stasis })).exitCode, SUCCESS)
  assert.deepEqual(readFileSync(asked, 'utf8').trim().split('\n'), [
    'managedsave',
    'domjobabort',
    'managedsave',
  ])
})

test(
  'stop destroys a guest that can neither be saved nor shut down, within its time',
  { skip: skip || (!isLongRun() && 'long run only') },
  async () => {
    await using it = await Agent.make()
    const victim = await it.qemu()
    const stasis = await it.program(
      `echo "$2" >>${it.dir.join('asked')}; case $2 in managedsave) exec sleep 100;; destroy) kill -9 ${victim.pid};; esac`,
    )
    const from = Date.now()
    const limit = { OCF_RESKEY_CRM_meta_timeout: '20000' }
    const { exitCode, said } = await it.run('stop', { stasis }, limit)
    assert.equal(exitCode, SUCCESS, said)
    assert.ok(Date.now() - from < 20_000)
    assert.deepEqual(readFileSync(it.dir.join('asked'), 'utf8').trim().split('\n'), [
      'managedsave',
      'shutdown',
      'destroy',
    ])
  },
)
