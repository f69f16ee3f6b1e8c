// Processes of Stasis and QEMU are killed, and commands cancelled, at random moments of every act on checkpoints. After each round the guest must write, or be off with its last writes on its
// disk; no half checkpoint is listed, and the next command leaves nothing over.
// Runs by itself: npm run test:checkpoint-kills -- [--rounds N] [--seconds N] [--seed N] [--only TEXT] [--qemu 7.2]
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, open, readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  createCheckpoint,
  deleteCheckpoint,
  destroyDomain,
  domainInfo,
  dumpDomainXml,
  listCheckpoints,
  listDomains,
  resumeDomain,
  revertToCheckpoint,
  undefineDomain,
} from '../../src/index.ts'
import { type LinuxDomain, startLinuxDomain } from './linux-domain.ts'
import { qemus } from './qemus.ts'
import { Random } from './random.ts'
import { SEED, runnerOptions } from './runner-options.ts'
import { startStasis, stasis } from './stasis-command.ts'
import { type TempDir, tempDir } from './temp-dir.ts'
import { processesOf, watchersEnd, watchersOf } from './watchers.ts'

/** What is killed, in this order; `cancel` is Ctrl-C to the command. */
type Victim =
  | 'command'
  | 'cancel'
  | 'watcher, command'
  | 'command, watcher'
  | 'QEMU'
  | 'QEMU, command'

const VICTIMS: readonly Victim[] = [
  'command',
  'cancel',
  'watcher, command',
  'command, watcher',
  'QEMU',
  'QEMU, command',
]

interface Act {
  readonly name: string
  readonly argv: readonly string[]
  readonly victims: readonly Victim[]
  /** The checkpoint that it needs besides `base`. */
  readonly needs?: string
}

const DOMAIN = 'linux'
const BASE = 'base'

const ACTS: readonly Act[] = [
  { name: 'checkpoint', argv: ['checkpoint', DOMAIN, 'new'], victims: VICTIMS },
  {
    name: 'checkpoint stopped',
    argv: ['checkpoint', DOMAIN, 'new', '--stopped'],
    victims: VICTIMS,
  },
  {
    name: 'checkpoint of disks',
    argv: ['checkpoint', DOMAIN, 'new', '--disk-only'],
    victims: VICTIMS,
  },
  {
    name: 'delete',
    argv: ['checkpoint-delete', DOMAIN, 'again'],
    victims: VICTIMS.filter((victim) => victim !== 'cancel'),
    needs: 'again',
  },
  { name: 'revert', argv: ['checkpoint-revert', DOMAIN, BASE], victims: VICTIMS },
  {
    name: 'revert discarding',
    argv: ['checkpoint-revert', DOMAIN, BASE, '--discard'],
    victims: VICTIMS,
  },
  {
    name: 'clone',
    argv: ['clone', DOMAIN, '--live', 'copy'],
    victims: VICTIMS,
  },
]

/** What is killed how often. */
export interface CheckpointKillOptions {
  readonly rounds: number
  readonly seed: number
  readonly emulator: string
  readonly seconds?: number | undefined
  /** Only acts whose name and victim contain this. */
  readonly only?: string | undefined
  readonly onLine?: (line: string) => void
}

/** A guest with a disk, and what it has written to it. */
interface Bed {
  readonly dir: TempDir
  readonly linux: LinuxDomain
  /** The directory for the memory of clones. */
  readonly memory: string
  /** The tick at which the checkpoint `base` was made. */
  readonly baseTick: number
}

/** Runs the rounds. Returns what went wrong, one line each. */
export async function killCheckpoints(options: CheckpointKillOptions): Promise<readonly string[]> {
  const { rounds, seed, emulator, seconds = Infinity, only = '', onLine } = options
  const random = new Random(seed)
  const startMs = performance.now()
  const plan = random.shuffled(
    ACTS.flatMap((act) => act.victims.map((victim) => ({ act, victim }))).filter(
      ({ act, victim }) => `${act.name} ${victim}`.includes(only),
    ),
  )
  const faults: string[] = []
  const lengths = new Map<string, number>()
  let bed: (Bed & AsyncDisposable) | undefined
  try {
    for (let round = 0; round < rounds && plan.length > 0; round += 1) {
      if (performance.now() - startMs > seconds * 1000) break
      const { act, victim } = plan[round % plan.length] as (typeof plan)[number]
      try {
        bed ??= await makeBed(emulator)
      } catch (error) {
        // A starved host: nothing was killed.
        onLine?.(`${round + 1}/${rounds} no round: ${String(error)}`)
        continue
      }
      const told: string[] = []
      try {
        await oneRound(bed, act, victim, { random, lengths, told })
      } catch (error) {
        told.push(
          `WRONG: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        )
        faults.push(`${act.name}, ${victim}: ${told.join('; ')}`)
        await bed[Symbol.asyncDispose]()
        bed = undefined
      }
      onLine?.(`${round + 1}/${rounds} ${act.name}, ${victim}: ${told.join('; ')}`)
    }
  } finally {
    await bed?.[Symbol.asyncDispose]()
  }
  return faults
}

async function makeBed(emulator: string): Promise<Bed & AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const dir = stack.use(await tempDir())
  const diskPath = dir.join('disk.img')
  {
    await using file = await open(diskPath, 'w')
    await file.truncate(2 * 1024 * 1024)
  }
  const linux = stack.use(
    await startLinuxDomain({ name: DOMAIN, emulator, diskPath, memoryMib: 96 }),
  )
  const baseTick = await tick(linux)
  await createCheckpoint(DOMAIN, BASE, { stateDir: linux.stateDir })
  const memory = await mkdtemp('/dev/shm/stasis-test-')
  stack.defer(() => rm(memory, { recursive: true, force: true }))
  const owned = stack.move()
  return { dir, linux, memory, baseTick, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

interface Round {
  readonly random: Random
  /** How long each act takes. */
  readonly lengths: Map<string, number>
  readonly told: string[]
}

async function oneRound(bed: Bed, act: Act, victim: Victim, round: Round): Promise<void> {
  const { random, lengths, told } = round
  const { linux } = bed
  const { stateDir } = linux
  if (act.needs !== undefined) await createCheckpoint(DOMAIN, act.needs, { stateDir })
  const before = await tick(linux)
  const startMs = performance.now()
  const { child, ended } = startStasis(stateDir, [
    ...act.argv,
    ...(act.name === 'clone' ? ['--memory-directory', bed.memory] : []),
  ])
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
  const lengthMs = lengths.get(act.name) ?? 3000
  const momentMs = random.below(Math.round(lengthMs * 1.1))
  told.push(`${momentMs} of ${Math.round(lengthMs)} ms`)
  const qemu = qemuOf(stateDir)
  await delay(momentMs)
  for (const [at, part] of victim.split(', ').entries()) {
    if (at > 0) await delay(random.below(100))
    if (part === 'command' && !isOver()) child.kill('SIGKILL')
    if (part === 'cancel' && !isOver()) child.kill('SIGINT')
    if (part === 'watcher') for (const pid of watchersOf(stateDir)) signal(pid)
    if (part === 'QEMU') for (const pid of qemuOf(stateDir)) signal(pid)
  }
  const { exitCode, stderr } = await ended
  if (exitCode === 0)
    lengths.set(act.name, (lengthMs + Math.min(performance.now() - startMs, 20_000)) / 2)
  told.push(`exit ${exitCode}`)
  assert.ok(![1, 134, 139].includes(exitCode), stderr)
  await watchersEnd(stateDir)
  await examine(bed, act, { victim, before, qemu, told })
}

interface Finding {
  readonly victim: Victim
  readonly before: number
  /** The QEMU before the act. */
  readonly qemu: readonly number[]
  readonly told: string[]
}

async function examine(bed: Bed, act: Act, finding: Finding): Promise<void> {
  const { linux, baseTick, memory } = bed
  const { stateDir } = linux
  const { victim, before, told } = finding
  const isQemuKilled = victim.includes('QEMU')
  await endClones(bed)
  if (!victim.includes('watcher')) assert.deepEqual(await readdir(memory), [])
  // Before QEMU 8.1 the guest may wait at its next write until then.
  if (victim.includes('watcher')) await stasis(stateDir, 'autostart', DOMAIN, '--disable')
  const listed = await complete(linux)
  let { state } = await domainInfo(DOMAIN, { stateDir })
  told.push(`${state}, ${listed.join(' ')}`)
  if (state === 'paused') {
    assert.ok(victim.includes('watcher'), 'the guest stays stopped')
    await resumeDomain(DOMAIN, { stateDir })
    ;({ state } = await domainInfo(DOMAIN, { stateDir }))
  }
  const { checkpoints } = await listCheckpoints(DOMAIN, { stateDir })
  const present = checkpoints.find(({ name }) => name.startsWith('before-'))
  const kept = present?.memory === undefined ? undefined : present.name
  if (state === 'running') {
    const now = await tick(linux)
    const isBack = now < before
    if (isBack) assert.ok(act.name.startsWith('revert') && now >= baseTick, `tick ${now}`)
    else if (!act.name.startsWith('revert')) assert.ok(now < before + 200, `tick ${now}`)
    told.push(isBack ? 'returned' : 'went on')
    if (isBack && act.name === 'revert') assert.ok(present !== undefined, 'the present is lost')
  } else {
    assert.equal(state, 'shut off')
    assert.ok(isQemuKilled || act.name.startsWith('revert'), 'the guest is off')
    assert.notEqual(victim, 'cancel', 'a cancel leaves the guest off')
    if (act.name === 'revert' && !isQemuKilled) assert.ok(kept !== undefined, 'the present is lost')
    if (act.name !== 'revert discarding' || kept !== undefined) {
      const written = await tickOnDisk(bed)
      // The guest does not flush, so a QEMU that is killed loses what qcow2 has not written of its tables. A killed revert may be on the disk of the checkpoint.
      const least = isQemuKilled || act.name.startsWith('revert') ? baseTick : before
      assert.ok(written >= least - 1, `the disk has tick ${written}, the guest had said ${before}`)
    }
  }
  if (kept !== undefined) {
    await revertToCheckpoint(DOMAIN, kept, { stateDir, discard: true })
    const again = await tick(linux)
    assert.ok(again >= before && again < before + 100, `tick ${again} continues from ${before}`)
    await revertToCheckpoint(DOMAIN, BASE, { stateDir, discard: true })
    state = 'running'
  }
  if (state !== 'running') await revertToCheckpoint(DOMAIN, BASE, { stateDir, discard: true })
  await nothingLeft(bed)
}

/** The guest continues, and the next acts leave no trace of the killed one. */
async function nothingLeft(bed: Bed): Promise<void> {
  const { linux, dir, memory } = bed
  const { stateDir } = linux
  await createCheckpoint(DOMAIN, 'next', { stateDir })
  for (const { name } of (await listCheckpoints(DOMAIN, { stateDir })).checkpoints)
    if (name !== BASE) await deleteCheckpoint(DOMAIN, name, { stateDir })
  const { checkpoints, pending } = await listCheckpoints(DOMAIN, { stateDir })
  assert.deepEqual([checkpoints.map(({ name }) => name), pending], [[BASE], undefined])
  const own = join(stateDir, 'checkpoints', DOMAIN)
  assert.deepEqual((await readdir(own)).toSorted(), [BASE, 'tree.json'])
  const files = (await readdir(dir.path)).filter((name) => /^(disk|copy-)/.test(name))
  assert.equal(files.length, 2, files.join(' '))
  const xml = await dumpDomainXml(DOMAIN, { stateDir, inactive: true })
  assert.ok(
    files.some((name) => name !== 'disk.img' && xml.includes(`/${name}'`)),
    `${files.join(' ')}: ${/<source file.*/.exec(xml)?.[0]}`,
  )
  execFileSync('qemu-img', ['check', '-U', '-q', diskOf(xml)])
  await tick(linux)
  const left = await readdir(memory, { recursive: true })
  assert.deepEqual(
    left.filter((name) => name.endsWith('memory')),
    [],
  )
  for (const name of await readdir(memory)) await rm(join(memory, name), { recursive: true })
}

/** The names of the listed checkpoints. Each is whole. */
async function complete({ stateDir }: LinuxDomain): Promise<readonly string[]> {
  const { checkpoints } = await listCheckpoints(DOMAIN, { stateDir })
  for (const { name, memory, way, state } of checkpoints) {
    // One of a guest whose QEMU had just been killed has its disks.
    if (way === 'disks' || state === 'shutoff' || name === BASE) continue
    assert.ok(memory !== undefined, name)
    const { exitCode, stderr } = await stasis(stateDir, 'image-verify', memory.path)
    assert.equal(exitCode, 0, `the memory of ${name}: ${stderr}`)
  }
  return checkpoints.map(({ name }) => name)
}

async function endClones({ linux: { stateDir }, dir }: Bed): Promise<void> {
  let hasClone = false
  for (const { name, state } of await listDomains({ stateDir })) {
    if (name === DOMAIN) continue
    hasClone = true
    assert.ok(state === 'running' || state === 'paused' || state === 'shut off', state)
    await destroyDomain(name, { stateDir }).catch(() => undefined)
    await undefineDomain(name, { stateDir }).catch(() => undefined)
  }
  // The overlay of a clone that has run is its owner's.
  for (const name of await readdir(dir.path))
    if (hasClone && name.startsWith('copy-')) await rm(dir.join(name))
}

/** The last of two new ticks of the guest, which it has also written to its disk. */
async function tick(linux: LinuxDomain): Promise<number> {
  await using console = await linux.console()
  await console.waitForLine(/^TICK/, { timeoutMs: 60_000 })
  const [, number] = await console.waitForLine(/^TICK (\d+)$/, { timeoutMs: 60_000 })
  return Number(number)
}

/** The tick on the disk that the definition names, of a domain that is off. */
async function tickOnDisk({ linux: { stateDir }, dir }: Bed): Promise<number> {
  const xml = await dumpDomainXml(DOMAIN, { stateDir, inactive: true })
  const raw = dir.join('content')
  execFileSync('qemu-img', ['convert', '-O', 'raw', diskOf(xml), raw])
  return Number(/TICK (\d+)/.exec((await readFile(raw)).toString('latin1', 0, 512))?.[1])
}

function diskOf(xml: string): string {
  return /<source file='([^']*disk[^']*)'/.exec(xml)?.[1] ?? ''
}

function qemuOf(stateDir: string): readonly number[] {
  return processesOf(
    stateDir,
    (line) => /^[^\0]*qemu-system[^\0]*\0/.test(line) && line.includes(`guest=${DOMAIN},`),
  )
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

if (process.argv[1] === import.meta.filename) {
  const values = runnerOptions('test:checkpoint-kills', {
    rounds: { type: 'string', value: 'N', help: 'how many commands are killed', default: '100' },
    seconds: { type: 'string', value: 'N', help: 'begin nothing after this time' },
    seed: SEED,
    only: { type: 'string', value: 'TEXT', help: 'acts and victims that contain this' },
    qemu: { type: 'string', value: 'VERSION', help: 'the first QEMU whose version begins so' },
  })
  const emulator = qemus().find(({ label }) => label.startsWith(values.qemu ?? '10'))?.emulator
  console.log(`${values.rounds} rounds, seed ${values.seed}`)
  const faults = await killCheckpoints({
    rounds: Number(values.rounds),
    seed: Number(values.seed),
    seconds: values.seconds === undefined ? undefined : Number(values.seconds),
    only: values.only,
    emulator: emulator ?? '',
    onLine: (line) => console.log(line),
  })
  console.log(`${faults.length} went wrong`)
  if (faults.length > 0) process.exitCode = 1
}
