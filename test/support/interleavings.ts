// Concurrent commands on one domain from several processes, at random moments, some of them killed. After each round there must be one newest
// state and no litter. Runs by itself: npm run test:interleavings -- [--rounds N] [--seconds N] [--seed N] [--lanes N]
import assert from 'node:assert/strict'
import { access, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  destroyDomain,
  listDomains,
  setAutostart,
  removeManagedSave,
  resumeDomain,
  resumeHost,
  saveHost,
  startDomain,
} from '../../src/index.ts'
import { SEED, runnerOptions } from './runner-options.ts'
import { Random } from './random.ts'
import { startStasis } from './stasis-command.ts'
import { watchersEnd } from './watchers.ts'
import { type TinyDomain, startTinyDomain } from './tiny-domain.ts'

const COMMANDS: readonly (readonly string[])[] = [
  ['start', 'tiny'],
  ['start', 'tiny'],
  ['start', 'tiny'],
  ['managedsave', 'tiny'],
  ['managedsave', 'tiny', '--format', 'raw'],
  ['managedsave', 'tiny', '--format', 'channels', '--parallel-connections', '2'],
  ['managedsave', 'tiny', '--parallel-connections', '4'],
  ['save', 'tiny', 'FILE'],
  ['host-save'],
  ['host-resume'],
  ['start', 'tiny', '--paused'],
  ['start', 'tiny', '--force-boot'],
  ['start', 'tiny', '--mode', 'lazy'],
  ['suspend', 'tiny'],
  ['resume', 'tiny'],
  ['destroy', 'tiny'],
  ['managedsave-remove', 'tiny'],
  ['domjobabort', 'tiny'],
  ['list', '--all', '--managed-save'],
  ['domstate', 'tiny', '--reason'],
]

/** Accepted exit codes: done, refused for the domain's state, QEMU ended meanwhile, cancelled, killed. Anything else is a fault. */
const EXPECTED = new Set([0, 3, 6, 129, 130, 131, 143, -1])
const PATIENCE_MS = 120_000

/** How many rounds, and from which seed. */
export interface Interleaving {
  /** Total number of rounds. */
  readonly rounds: number
  readonly seed: number
  /** Domains at the same time, each with its own state directory. Default 1. */
  readonly lanes?: number | undefined
  /** After this time no round begins. */
  readonly seconds?: number | undefined
  /** Called after every round. */
  readonly onRound?: (line: string) => void
}

/** The number of rounds, and how often each exit code occurred. */
export interface Interleaved {
  readonly rounds: number
  readonly codes: ReadonlyMap<number, number>
}

/** Runs the rounds. Rejects after the first round that leaves a fault, naming seed, lane and commands. */
export async function interleave(options: Interleaving): Promise<Interleaved> {
  const { rounds, seed, lanes = 1, seconds = Infinity, onRound } = options
  const startMs = performance.now()
  const codes = new Map<number, number>()
  let begun = 0
  let done = 0
  const run = async (_: unknown, lane: number): Promise<void> => {
    const random = new Random(seed + lane)
    await using tiny = await startTinyDomain()
    for (let own = 0; begun < rounds; own++) {
      if (performance.now() - startMs > seconds * 1000) break
      begun += 1
      const lines: string[] = []
      try {
        await round(tiny, random, codes, lines)
      } catch (error) {
        begun = Infinity
        const where = `seed ${seed}, lane ${lane} of ${lanes}, its round ${own}`
        throw new Error(`${where}: ${lines.join('; ')}`, { cause: error })
      }
      done += 1
      const second = ((performance.now() - startMs) / 1000).toFixed(1)
      onRound?.(`round ${done} of ${rounds}, ${second} s: ${lines.join('; ')}`)
    }
    await checkNothingLeft(tiny)
  }
  const ends = await Promise.allSettled(Array.from({ length: lanes }, run))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  return { rounds: done, codes }
}

/** Two to four commands at once, then the check of what they left. */
async function round(
  tiny: TinyDomain,
  random: Random,
  codes: Map<number, number>,
  lines: string[],
): Promise<void> {
  const runs = Array.from({ length: 2 + random.below(3) }, async () => {
    const chosen = COMMANDS[random.below(COMMANDS.length)] ?? []
    const args = chosen.map((word) => (word === 'FILE' ? tiny.dir.join('file') : word))
    const [startMs, killMs] = [
      random.below(400),
      random.below(4) === 0 ? 200 + random.below(1200) : undefined,
    ]
    const index = lines.push('') - 1
    const told = `${startMs} ${chosen.join(' ')}${killMs === undefined ? '' : ` killed ${killMs}`}`
    await delay(startMs)
    const { child, ended } = startStasis(tiny.stateDir, args)
    const kill = killMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killMs)
    const patience = setTimeout(() => child.kill('SIGABRT'), PATIENCE_MS)
    const { exitCode, stderr } = await ended
    clearTimeout(kill)
    clearTimeout(patience)
    lines[index] = `${told} = ${exitCode}`
    assert.notEqual(child.signalCode, 'SIGABRT', `deadlock of ${args.join(' ')}`)
    // The pages of images that are one stream cannot be loaded one by one.
    const postcopyRefused = exitCode === 5 && stderr.includes('cannot be loaded on demand')
    assert.ok(
      postcopyRefused || EXPECTED.has(exitCode),
      `${args.join(' ')} ended with ${exitCode}: ${stderr}`,
    )
    codes.set(exitCode, (codes.get(exitCode) ?? 0) + 1)
  })
  const ends = await Promise.allSettled(runs)
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  await watchersEnd(tiny.stateDir)
  await checkOne(tiny)
}

/** There is one newest state, and one QEMU at most; the guest was never two. */
async function checkOne(tiny: TinyDomain): Promise<void> {
  const { stateDir, runtimeDir, dir } = tiny
  // A command that only looks removes nothing: the next one that acts removes what a killed one left.
  await setAutostart('tiny', { stateDir, disable: true })
  const [domain] = await listDomains({ stateDir, all: true })
  assert.ok(domain !== undefined)
  const image = await access(join(stateDir, 'save/tiny.save')).then(
    () => true,
    () => false,
  )
  if (domain.id === undefined) {
    assert.equal(domain.managedSave, image)
    assert.deepEqual(await readdir(runtimeDir), [], 'runtime files are left')
  } else if (image) {
    // The guest was loaded but never ran, so both are the same state; or its memory is still being loaded from the image.
    const filling = await readdir(join(runtimeDir, 'tiny')).then((all) =>
      all.includes('postcopy.json'),
    )
    if (!filling) await checkLoaded(tiny)
  }
  assert.deepEqual(await qemusOf(stateDir), domain.id === undefined ? [] : [domain.id])
  const partial = [...(await names(join(stateDir, 'save'))), ...(await names(dir.path))]
  assert.deepEqual(
    partial.filter((name) => name.endsWith('.partial')),
    [],
    'temporary files are left',
  )
  await checkCount(dir.join('serial'))
}

/** If there are an image and a QEMU, the guest has not run, or its memory has just been loaded and the next command removes the image. */
async function checkLoaded({ stateDir }: TinyDomain): Promise<void> {
  const [domain] = await listDomains({ stateDir, all: true })
  const image = await names(join(stateDir, 'save'))
  if (!image.includes('tiny.save')) return
  assert.equal(domain?.state, 'paused', 'a guest runs beside its image')
  assert.equal(domain.managedSave, true)
}

/** After each number comes the next one, or the first of a guest that booted. */
async function checkCount(path: string): Promise<void> {
  const text = await readFile(path, 'latin1').catch(() => '')
  const counts = [...text.matchAll(/^CNT ([0-9a-f]{8}) SUM [0-9a-f]{4}\r$/gm)].map((match) =>
    Number.parseInt(match[1] ?? '', 16),
  )
  counts.forEach((count, index) => {
    const before = counts[index - 1] ?? 0
    // A guest that is destroyed during its first line leaves only the second.
    assert.ok(count === before + 1 || count <= 2, `the guest counted ${count} after ${before}`)
  })
}

/** After a last life, which writes every file of the state directory once more, and its end. */
async function checkNothingLeft({ stateDir, runtimeDir }: TinyDomain): Promise<void> {
  await startDomain('tiny', { stateDir }).catch(() => undefined)
  await resumeDomain('tiny', { stateDir }).catch(() => undefined)
  const ends = [...(await saveHost({ stateDir })), ...(await resumeHost({ stateDir }))]
  assert.deepEqual(
    ends.map(({ outcome }) => outcome),
    ['saved', 'resumed'],
  )
  await destroyDomain('tiny', { stateDir }).catch(() => undefined)
  await removeManagedSave('tiny', { stateDir }).catch(() => undefined)
  assert.deepEqual(await readdir(runtimeDir), [], 'runtime files are left')
  assert.deepEqual(await qemusOf(stateDir), [], 'a QEMU is left')
  assert.deepEqual(await names(join(stateDir, 'save')), [], 'images or parts of them are left')
  const tree = await readdir(stateDir, { recursive: true })
  const parts = tree.filter((name) => /^(?!log\/).*\.(partial|new|\d+)$/.test(name))
  assert.deepEqual(parts, [], 'temporary files are left')
}

async function names(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch(() => [])
}

async function qemusOf(stateDir: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      return /qemu/.test(text.split('\0')[0] ?? '') && text.includes(`${stateDir}/`)
        ? [Number(pid)]
        : []
    }),
  )
  return found.flat()
}

if (process.argv[1] === import.meta.filename) {
  const values = runnerOptions('test:interleavings', {
    rounds: { type: 'string', value: 'N', help: 'rounds', default: '200' },
    seconds: { type: 'string', value: 'N', help: 'begin nothing after this time' },
    seed: SEED,
    lanes: { type: 'string', value: 'N', help: 'domains at the same time', default: '2' },
  })
  const [rounds, seed, lanes] = [values.rounds, values.seed, values.lanes].map(Number)
  console.log(`${rounds} rounds in ${lanes} lanes, seed ${seed}`)
  const { rounds: done, codes } = await interleave({
    rounds: rounds ?? 200,
    seed: seed ?? 1,
    lanes,
    seconds: values.seconds === undefined ? undefined : Number(values.seconds),
    onRound: (line) => console.log(line),
  })
  const answers = [...codes].toSorted(([a], [b]) => a - b)
  console.log(answers.map(([code, times]) => `exit code ${code}: ${times}`).join('\n'))
  console.log(`${done} rounds: one newest state after each, nothing left over`)
}
