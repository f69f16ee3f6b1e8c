// Processes of Stasis and QEMU are killed at random moments of every act. After each round the guest must run, or its image must be complete and
// restore with the guest's memory right; no half-made file is listed, and nothing is left over after the next command.
// Runs by itself: npm run test:kills -- [--rounds N] [--seconds N] [--seed N] [--only TEXT] [--qemu 7.2]
import { existsSync, readdirSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { domainInfo } from '../../src/index.ts'
import { QmpConnection } from '../../src/qmp/connection.ts'
import { SEED, runnerOptions } from './runner-options.ts'
import { Random } from './random.ts'
import { KILL_ACTS, type KillAct, type Victim } from './kill-acts.ts'
import { qemus } from './qemus.ts'
import { type CommandResult, startStasis, stasis } from './stasis-command.ts'
import { type TinyDomain, startTinyDomain } from './tiny-domain.ts'
import { processesOf, watchersEnd, watchersOf } from './watchers.ts'

/** What is killed how often. */
export interface KillOptions {
  readonly rounds: number
  readonly seed: number
  /** After this time no round begins. */
  readonly seconds?: number | undefined
  /** Only acts whose name and victim, as in the table, contain this. */
  readonly only?: string | undefined
  /** Only QEMUs whose version begins so. */
  readonly qemu?: string | undefined
  readonly onLine?: (line: string) => void
}

/** The results of one act and one victim. */
export interface KillRow {
  readonly act: string
  readonly victim: Victim
  /** Rounds in which the victim was alive when it was to be killed. */
  tried: number
  /** The guest runs in the QEMU in which it was. */
  wentOn: number
  /** The image, an older or the new one, was complete and the guest ran from it. */
  imageComplete: number
  /** The guest had run in its new QEMU when that was killed: it is lost as any guest is whose QEMU is killed, and it boots. */
  hadRun: number
  /** A guest stayed stopped, or something was left over. */
  wrong: number
  lost: number
}

type Outcome = 'went on' | 'image complete' | 'had run'

/** A guest that is neither in a QEMU nor in an image. */
class Lost extends Error {}

/** Runs the rounds: acts, victims and QEMUs in turn, moments at random. */
export async function kill(options: KillOptions): Promise<readonly KillRow[]> {
  const { rounds, seed, seconds = Infinity, only = '', qemu = '', onLine } = options
  const random = new Random(seed)
  const startMs = performance.now()
  const rows = new Map<string, KillRow>()
  const emulators = qemus().filter(({ label }) => label.startsWith(qemu))
  const inOrder = emulators.flatMap(({ label, major, emulator }) =>
    KILL_ACTS.filter((act) => major >= (act.major ?? 0)).flatMap((act) =>
      act.victims
        .filter((victim) => `${act.name} ${victim}`.includes(only))
        .map((victim) => ({ label, emulator, act, victim })),
    ),
  )
  const plan = random.shuffled(inOrder)
  await using beds = new Beds()
  for (let round = 0; round < rounds && plan.length > 0; round += 1) {
    if (performance.now() - startMs > seconds * 1000) break
    const { label, emulator, act, victim } = plan[round % plan.length] as (typeof plan)[number]
    const key = `${act.name} ${victim}`
    const row = rows.get(key) ?? newRow(act, victim)
    rows.set(key, row)
    const bed = await beds.take(emulator)
    const told: string[] = []
    try {
      const tried = await oneRound(bed, act, victim, random, told)
      if (tried === undefined) told.push('too late')
      else {
        row.tried += 1
        if (tried === 'went on') row.wentOn += 1
        else if (tried === 'had run') row.hadRun += 1
        else row.imageComplete += 1
        told.push(tried)
      }
      if (victim.includes('QEMU')) await beds.drop(emulator)
    } catch (error) {
      if (error instanceof BedFault) {
        onLine?.(`${round + 1}/${rounds} no round: ${error.message}`)
        await beds.drop(emulator)
        continue
      }
      row.tried += 1
      if (error instanceof Lost) row.lost += 1
      else row.wrong += 1
      told.push(`${error instanceof Lost ? 'LOST' : 'WRONG'}: ${String(error)}`)
      await beds.drop(emulator)
    }
    onLine?.(`${round + 1}/${rounds} QEMU ${label}, ${act.name}, ${victim}: ${told.join('; ')}`)
  }
  return [...rows.values()]
}

function newRow(act: KillAct, victim: Victim): KillRow {
  return {
    act: act.name,
    victim,
    tried: 0,
    wentOn: 0,
    imageComplete: 0,
    hadRun: 0,
    wrong: 0,
    lost: 0,
  }
}

/** The guest of a bed could not be prepared. */
class BedFault extends Error {}

/** The rows as a table. */
export function killTable(rows: readonly KillRow[]): string {
  const head = ['act', 'victim', 'tried', 'went on', 'image complete', 'had run', 'wrong', 'lost']
  const cells = rows.map((row) => [
    row.act,
    row.victim,
    ...[row.tried, row.wentOn, row.imageComplete, row.hadRun, row.wrong, row.lost].map(String),
  ])
  const sums = [2, 3, 4, 5, 6, 7].map((at) =>
    String(cells.reduce((sum, line) => sum + Number(line[at]), 0)),
  )
  return [head, ...cells, ['all', '', ...sums]]
    .map(([act = '', victim = '', ...numbers]) =>
      [
        act.padEnd(22),
        victim.padEnd(18),
        ...numbers.map((text, at) => text.padStart((head[at + 2] ?? '').length)),
      ].join('  '),
    )
    .join('\n')
}

/** Beds that stay as long as they are sound. */
class Beds implements AsyncDisposable {
  readonly #beds = new Map<string, TinyDomain>()

  async take(emulator: string): Promise<TinyDomain> {
    const bed = this.#beds.get(emulator) ?? (await startTinyDomain({ emulator }))
    this.#beds.set(emulator, bed)
    return bed
  }

  async drop(emulator: string): Promise<void> {
    const bed = this.#beds.get(emulator)
    this.#beds.delete(emulator)
    await bed?.[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const emulator of this.#beds.keys()) await this.drop(emulator)
  }
}

/** `undefined`: the victim had ended before. The bed has a running guest before and after. */
async function oneRound(
  bed: TinyDomain,
  act: KillAct,
  victim: Victim,
  random: Random,
  told: string[],
): Promise<Outcome | undefined> {
  const { stateDir, dir, log } = bed
  try {
    await log.advance(1)
    await prepare(bed, act)
  } catch (error) {
    // A starved host: nothing was killed.
    throw new BedFault(String(error))
  }
  const slow = act.kind === 'save' && random.below(2) === 0
  const argv = [...act.argv(dir), ...(slow ? ['--max-bandwidth', '8M'] : [])]
  const before = qemusOf(stateDir)
  const { child, ended } = startStasis(stateDir, argv)
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
  // Most of the time of a command is its start, so most moments are after that.
  const isLate = random.below(4) > 0
  if (isLate) await begun(bed, act, before, isOver)
  const momentMs = random.below(!isLate ? 500 : slow ? 800 : act.kind === 'restore' ? 400 : 150)
  told.push(`${isLate ? 'begun and ' : ''}${momentMs} ms${slow ? ' slow' : ''}`)
  await delay(momentMs)
  const command = {
    kill: () => !isOver() && child.kill('SIGKILL'),
    stop: () => !isOver() && child.kill('SIGSTOP'),
    goOn: () => child.kill('SIGCONT'),
  }
  const { killed, ran } = await killVictims(bed, act, victim, { before, command, random })
  if (ran !== undefined) told.push(ran ? 'the guest ran' : 'the guest had not run')
  const patience = setTimeout(() => child.kill('SIGABRT'), 60_000)
  const result = await ended
  clearTimeout(patience)
  if (child.signalCode === 'SIGABRT') throw new Error(`${argv.join(' ')} did not end`)
  await watchersEnd(dir.path)
  checkResult(result, victim, killed)
  const outcome = await examine(bed, act, victim, ran ?? (result.exitCode === 0 || undefined))
  return killed ? outcome : undefined
}

/** Waits until the act has made something: a watcher, a QEMU, a part of a file. */
async function begun(
  { stateDir, dir }: TinyDomain,
  { kind }: KillAct,
  before: readonly number[],
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    if ((kind === 'save' || kind === 'live') && watchersOf(stateDir).length > 0) return
    if (kind === 'restore' && qemusOf(stateDir).length > before.length) return
    if (kind === 'convert' && readdirSync(dir.path).some((name) => name.startsWith('.out'))) return
    if (kind === 'record') return
    await delay(2)
  }
}

/** A command whose QEMU or helper was killed fails with a documented exit code. */
function checkResult({ exitCode, stderr }: CommandResult, victim: Victim, killed: boolean): void {
  const fine = killed && victim !== 'watcher' ? [0, 3, 5, 6, 7, -1, 137] : [0]
  if (!fine.includes(exitCode)) throw new Error(`exit code ${exitCode}: ${stderr}`)
}

/** Brings the running guest of a bed into the state that the act needs. */
async function prepare(bed: TinyDomain, act: KillAct): Promise<void> {
  const { stateDir, dir } = bed
  const image = dir.join('image')
  if (act.kind === 'save' && act.name !== 'managedsave') {
    await must(stateDir, 'save', 'tiny', image, '--parallel-compression', 'none')
    await must(stateDir, 'restore', image, '--mode', 'load')
  }
  if (act.from === 'saved') {
    // Uncompressed, so that it can be mapped.
    await must(stateDir, 'save', 'tiny', image, '--parallel-compression', 'none')
    const xml = await must(stateDir, 'save-image-dumpxml', image)
    const edited = xml.replace('</name>', '</name><description>edited</description>')
    await writeFile(dir.join('edited.xml'), edited)
  }
  if (act.from === 'managed') await must(stateDir, 'managedsave', 'tiny')
}

async function must(stateDir: string, ...argv: readonly string[]): Promise<string> {
  const { child, ended } = startStasis(stateDir, argv)
  const { exitCode, stdout, stderr } = await ended
  if (exitCode === 0) return stdout
  const how = child.signalCode ?? `exit code ${exitCode}`
  throw new Error(`${argv.join(' ')}: ${how}: ${stderr}`)
}

/** The command of an act. */
interface ActCommand {
  readonly kill: () => boolean
  readonly stop: () => boolean
  readonly goOn: () => boolean
}

/** What became of the victims. */
interface Killed {
  /** Something was there to be killed. */
  readonly killed: boolean
  /** Whether the guest of a restore ran in its new QEMU when that was killed; `undefined` if QEMU was not asked. */
  readonly ran?: boolean | undefined
}

async function killVictims(
  { stateDir, runtimeDir }: TinyDomain,
  { kind }: KillAct,
  victim: Victim,
  {
    before,
    command,
    random,
  }: {
    readonly before: readonly number[]
    readonly command: ActCommand
    readonly random: Random
  },
): Promise<Killed> {
  const killAll = (pids: readonly number[]): boolean => {
    for (const pid of pids) signal(pid)
    return pids.length > 0
  }
  let killed = false
  let ran: boolean | undefined
  for (const [index, name] of victim.split(', ').entries()) {
    if (index > 0) await delay(random.below(120))
    switch (name) {
      case 'command':
        killed = command.kill() || killed
        break
      case 'watcher':
        killed = killAll(watchersOf(stateDir)) || killed
        break
      case 'QEMU': {
        // QEMU says whether its guest has run, while the command is stopped. A command that is not killed knows it, too.
        const asked = kind === 'restore' && (victim !== 'QEMU' || random.below(2) === 0)
        if (asked) {
          command.stop()
          ran = await hasRun(runtimeDir)
        }
        // Another process may have the pid of one that has ended.
        killed =
          killAll(qemusOf(stateDir).filter((pid) => before.length === 0 || before.includes(pid))) ||
          killed
        if (asked) command.goOn()
        break
      }
      default: {
        const part = name === 'supervisor' ? '"part":"supervisor"' : '"part":"server"'
        // They come late, so this waits for one.
        for (let tries = 0; tries < 200 && !killed; tries += 1) {
          killed = killAll(processesOf(stateDir, (line) => line.includes(part)))
          if (!killed) await delay(5)
        }
      }
    }
  }
  return { killed, ran }
}

/** A QEMU that does not answer is still starting. */
async function hasRun(runtimeDir: string): Promise<boolean> {
  try {
    const path = join(runtimeDir, 'tiny', 'query.sock')
    await using monitor = await QmpConnection.connect(path, { timeoutMs: 2000 })
    return (await monitor.execute('query-status', {}, { timeoutMs: 2000 })).running
  } catch {
    return false
  }
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

function qemusOf(stateDir: string): readonly number[] {
  return processesOf(stateDir, (line) => /qemu[^\0]*\0/.test(line) && line.includes('-qmp'))
    .concat(processesOf(stateDir, (line) => /^[^\0]*qemu-system[^\0]*\0/.test(line)))
    .filter((pid, index, all) => all.indexOf(pid) === index)
}

/**
 * Finds the guest, and brings it back. `ran`: whether the guest of a restore ran in its new QEMU. Throws when it is lost, and when something is
 * left over.
 */
async function examine(
  bed: TinyDomain,
  act: KillAct,
  victim: Victim,
  ran: boolean | undefined,
): Promise<Outcome> {
  const { stateDir, dir, log } = bed
  const qemuKilled = victim.includes('QEMU')
  const state = (await must(stateDir, 'domstate', 'tiny')).trim()
  // The watcher lives: nobody has to type `resume`.
  if (
    (act.kind === 'save' || act.kind === 'live') &&
    !victim.includes('watcher') &&
    state === 'paused'
  )
    throw new Error('the guest stays stopped')
  // A command that only looks removes nothing: the next one that acts does.
  await must(stateDir, 'autostart', 'tiny', '--disable')
  // A page server writes its progress from time to time.
  for (let tries = 1; ; tries += 1) {
    const left = await whatIsLeft(bed, act)
    if (left.length === 0) break
    if (tries === 4) throw new Error(`left over: ${left.join(' ')}`)
    await delay(200)
  }
  if (act.kind === 'convert') await checkConverted(bed)
  if (act.kind === 'live') return checkLive(bed, qemuKilled)
  const found = (await must(stateDir, 'domstate', 'tiny')).trim()
  const hasNotRun = act.kind === 'restore' && ran === false
  let outcome: Outcome = 'went on'
  if (found === 'paused') await must(stateDir, 'resume', 'tiny')
  else if (found !== 'running') {
    outcome = 'image complete'
    if (found !== 'shut off') throw new Error(`the guest is in the state ${found}`)
    const list = await must(stateDir, 'list', '--all', '--managed-save')
    const isManaged = list.includes('saved')
    if (qemuKilled && act.name === 'managedsave' && !isManaged) return restart(bed, 'went on')
    if (qemuKilled && act.from === 'managed' && !isManaged) {
      if (ran === true) return restart(bed, 'had run')
      throw new Lost('the managed save is gone, and its guest has not run')
    }
    // The image of a guest that has not run fits its disks.
    const force = qemuKilled && !hasNotRun ? ['--force'] : []
    const argv = isManaged
      ? ['start', 'tiny']
      : ['restore', dir.join('image'), '--mode', 'load', ...force]
    const { exitCode, stderr } = await stasis(stateDir, ...argv)
    if (exitCode !== 0) throw new Lost(`${argv.join(' ')}: ${stderr}`)
  }
  try {
    await log.advance(2)
    if (!qemuKilled || hasNotRun) await log.assertUnbroken()
  } catch (error) {
    throw new Lost(String(error))
  }
  if (act.name.includes('lazy')) await allMemory(bed)
  return outcome
}

/**
 * The guest of a live save runs, unless its QEMU was killed: then it boots, or continues from its safety copy. Whatever image is there is whole.
 */
async function checkLive(bed: TinyDomain, qemuKilled: boolean): Promise<Outcome> {
  const { stateDir, dir, log } = bed
  const images = [dir.join('image'), join(stateDir, 'save', 'tiny.copy')]
  for (const image of images.filter((path) => existsSync(path))) {
    const { exitCode, stderr } = await stasis(stateDir, 'image-info', '--verify', image)
    if (exitCode !== 0) throw new Lost(stderr)
  }
  if (qemuKilled) {
    // QEMU may have ended in the middle of a line.
    await writeFile(dir.join('serial'), '')
    return restart(bed, 'had run')
  }
  const state = (await must(stateDir, 'domstate', 'tiny')).trim()
  if (state !== 'running') throw new Lost(`the guest is ${state}`)
  try {
    await log.advance(2)
    await log.assertUnbroken()
  } catch (error) {
    throw new Lost(String(error))
  }
  return 'went on'
}

/** All memory of a lazy restore arrives, whoever was killed. */
async function allMemory({ stateDir }: TinyDomain): Promise<void> {
  for (
    let waited = 0;
    (await domainInfo('tiny', { stateDir })).postcopy !== undefined;
    waited += 50
  ) {
    if (waited > 30_000) throw new Error('the rest of the memory does not arrive')
    await delay(50)
  }
}

/** A managed save that does not exist yet, or no more, cannot bring back a guest whose QEMU was killed: it boots. */
async function restart({ stateDir, log }: TinyDomain, outcome: Outcome): Promise<Outcome> {
  await must(stateDir, 'start', 'tiny')
  await log.advance(1)
  return outcome
}

/** The conversion is whole or absent, and its source is as it was. */
async function checkConverted({ dir, stateDir }: TinyDomain): Promise<void> {
  const { exitCode, stderr } = await stasis(stateDir, 'image-info', '--verify', dir.join('image'))
  if (exitCode !== 0) throw new Lost(stderr)
  if (existsSync(dir.join('out'))) await must(stateDir, 'image-info', '--verify', dir.join('out'))
  // The next command that names the file removes the parts.
  await must(stateDir, 'image-convert', dir.join('image'), dir.join('out'), '--format', 'raw')
  const left = (await readdir(dir.path)).filter((name) => /^\.|out\.\d/.test(name))
  if (left.length > 0) throw new Error(`left over: ${left.join(' ')}`)
}

/** All files in the runtime directory of a running domain, and those of one whose memory is being loaded. */
const RUNNING = new Set(['live.xml', 'lock', 'process.json', 'q', 'qmp.sock', 'query.sock'])
const LOADING = new Set([
  'postcopy.json',
  'postcopy-progress.json',
  'page-server.log',
  'postcopy.sock',
])

async function whatIsLeft(bed: TinyDomain, act: KillAct): Promise<readonly string[]> {
  const { stateDir, runtimeDir, dir } = bed
  const tree = await readdir(stateDir, { recursive: true })
  const left = tree.filter(
    (name) => /^(?!log\/).*\.(partial|new|\d+)$/.test(name) && !name.includes('cache/'),
  )
  const beside = await readdir(dir.path)
  if (act.kind !== 'convert')
    left.push(...beside.filter((name) => name.startsWith('.') || name.endsWith('.order')))
  const files = await readdir(join(runtimeDir, 'tiny')).catch(() => [])
  const running = qemusOf(stateDir)
  const isRunning = running.length > 0
  // A guest that came lazily in an earlier round.
  const isLazy = processesOf(stateDir, (line) => line.includes('postcopy.sock')).some((pid) =>
    running.includes(pid),
  )
  left.push(
    ...files
      .filter(
        (name) =>
          !isRunning ||
          !(
            RUNNING.has(name) ||
            (isLazy && name === 'postcopy.sock') ||
            (act.name.includes('lazy') && LOADING.has(name))
          ),
      )
      .map((name) => `run/tiny/${name}`),
  )
  if (qemusOf(stateDir).length > 1) left.push('two QEMUs')
  return left
}

if (process.argv[1] === import.meta.filename) {
  const values = runnerOptions('test:kills', {
    rounds: { type: 'string', value: 'N', help: 'how many processes are killed', default: '200' },
    seconds: { type: 'string', value: 'N', help: 'begin nothing after this time' },
    seed: SEED,
    only: {
      type: 'string',
      value: 'TEXT',
      help: 'acts and victims, as in the table, that contain this',
    },
    qemu: { type: 'string', value: 'VERSION', help: 'only QEMUs whose version begins so' },
  })
  console.log(`${values.rounds} rounds, seed ${values.seed}`)
  const rows = await kill({
    rounds: Number(values.rounds),
    seed: Number(values.seed),
    seconds: values.seconds === undefined ? undefined : Number(values.seconds),
    only: values.only,
    qemu: values.qemu,
    onLine: (line) => console.log(line),
  })
  console.log(killTable(rows))
  if (rows.some(({ lost, wrong }) => lost + wrong > 0)) process.exitCode = 1
}
