// Two hosts on one shared state directory race on a domain, without a cluster manager: of two acts that exclude each other one wins, there is never a second QEMU, and
// the guest's counter has no gap and no repetition. Runs by itself: npm run test:two-hosts -- [--rounds N] [--seconds N] [--seed N]
import assert from 'node:assert/strict'
import { copyFile, readFile, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Random } from './random.ts'
import { RACES, type Race, type Side } from './race-table.ts'
import { SEED, runnerOptions } from './runner-options.ts'
import { type SharedState, type TestHost, sharedState } from './shared-state.ts'
import { processesOf } from './watchers.ts'

/** How many rounds, and from which seed. */
interface RaceOptions {
  readonly rounds: number
  readonly seed: number
  readonly seconds?: number | undefined
  readonly onRound?: (line: string) => void
}

/** How often each race ended in which way. */
export type RaceOutcomes = ReadonlyMap<string, number>

/** Runs the rounds, the races in turn. Rejects at the first fault. */
export async function raceHosts(options: RaceOptions): Promise<RaceOutcomes> {
  const { rounds, seed, seconds = Infinity, onRound } = options
  const random = new Random(seed)
  const startMs = performance.now()
  const outcomes = new Map<string, number>()
  await using shared = await sharedState()
  await using world = new World(shared, random)
  await copyFile(join(shared.stateDir, 'domains/tiny.xml'), shared.dir.join('tiny.xml'))
  for (let round = 0; round < rounds; round += 1) {
    if (performance.now() - startMs > seconds * 1000) break
    const race = RACES[round % RACES.length] as Race
    const lines: string[] = []
    try {
      const outcome = await world.run(race, lines)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    } catch (error) {
      throw new Error(`seed ${seed}, round ${round}, ${race.name}: ${lines.join('; ')}`, {
        cause: error,
      })
    }
    onRound?.(`round ${round + 1} of ${rounds}: ${race.name}: ${lines.join('; ')}`)
  }
  assert.ok(world.samples > 0)
  return outcomes
}

class World implements AsyncDisposable {
  readonly #shared: SharedState
  readonly #random: Random
  readonly #xml: string
  readonly #observing: Promise<void>
  #ended = false
  #boots = 0
  #most = 0
  samples = 0

  constructor(shared: SharedState, random: Random) {
    this.#shared = shared
    this.#random = random
    this.#xml = join(shared.dir.path, 'tiny.xml')
    this.#observing = this.#observe()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    await this.#observing
  }

  /** Prepares the domain, lets both sides act at once and checks what they left. Returns the outcome in words. */
  async run(race: Race, lines: string[]): Promise<string> {
    const { dir, hosts } = this.#shared
    const [first] = this.#random.shuffled(hosts)
    const image = dir.join('image')
    const owner = await this.#prepare(race, first as TestHost, image)
    const other = hosts.filter((host) => host !== owner)[this.#random.below(2)]
    const pair = race.from === 'dead' ? hosts.filter((host) => host !== owner) : [owner, other]
    const { hostId, generation } = await (pair[0] as TestHost).json('domstate', 'tiny')
    const had = `${String(hostId)}:${String(generation)}`
    const words = (args: readonly string[]): readonly string[] =>
      args.map((word) => (word === 'FILE' ? image : word === 'OWNER' ? had : word))
    const sides = await Promise.all(
      pair.map(async (host, index): Promise<Side> => {
        const args = words(race.acts[index] ?? [])
        await delay(this.#random.below(150))
        const answer = await (host as TestHost).json(...args)
        const won = answer['type'] !== 'error'
        lines.push(`${host?.id} ${args.join(' ')} = ${won ? 'done' : String(answer['code'])}`)
        assert.ok(won || race.refusals.includes(String(answer['code'])), JSON.stringify(answer))
        return { args, won, answer }
      }),
    )
    for (const { args, won, answer } of sides)
      if (won && args[0] === 'start' && answer['restored'] === undefined) this.#boots += 1
    race.check(sides)
    assert.ok(this.#most <= 1, `${this.#most} QEMUs at once`)
    await this.#checkLeft(sides)
    return `${race.name}: ${sides.map(({ won }) => (won ? 'won' : 'lost')).join(', ')}`
  }

  /** Returns the host that has the domain. */
  async #prepare({ from }: Race, host: TestHost, image: string): Promise<TestHost> {
    const { stateDir, hosts, log } = this.#shared
    const act = async (...args: readonly string[]): Promise<void> => {
      const { exitCode, stderr } = await host.stasis(...args)
      assert.equal(exitCode, 0, `${args.join(' ')}: ${stderr}`)
    }
    await Promise.all(hosts.map((each) => each.stasis('destroy', 'tiny', '--if-running')))
    if (!(await readdir(join(stateDir, 'domains'))).includes('tiny.xml'))
      await act('define', this.#xml)
    if (from === 'off') {
      await act('managedsave-remove', 'tiny')
      return host
    }
    const { restored } = await host.json('start', 'tiny')
    if (restored === undefined) this.#boots += 1
    await log.advance(1)
    if (from === 'saved') await act('managedsave', 'tiny')
    if (from === 'file') await act('save', 'tiny', image)
    if (from === 'dead') await this.#cutPower(host)
    return host
  }

  /** The host is off: its QEMU and its runtime directory are gone, and nothing was released. */
  async #cutPower({ runtimeDir }: TestHost): Promise<void> {
    const off = `${runtimeDir}.off`
    await rename(runtimeDir, off)
    for (const pid of qemusIn(this.#shared)) process.kill(pid, 'SIGKILL')
    while (qemusIn(this.#shared).length > 0) await delay(10)
    await rm(off, { recursive: true })
  }

  async #checkLeft(sides: readonly Side[]): Promise<void> {
    const { stateDir, hosts, serial } = this.#shared
    const defined = await readdir(join(stateDir, 'domains'))
    const names = defined.filter((name) => name.endsWith('.xml'))
    const wasUndefined = sides.some(({ won, args }) => won && args[0] === 'undefine')
    assert.equal(names.length, wasUndefined ? 0 : 1, `defined: ${names.join(' ')}`)
    const running = qemusIn(this.#shared).length
    const lists = await Promise.all(hosts.map((host) => host.stasis('list', '--name')))
    const here = lists.filter(({ stdout }) => stdout.trim() !== '')
    assert.equal(here.length, running, 'hosts that run it')
    // Back to its name.
    const [name = ''] = names.map((file) => file.slice(0, -4))
    if (name !== '' && name !== 'tiny') {
      const [host] = hosts
      assert.equal((await host.stasis('domrename', name, 'tiny')).exitCode, 0)
    }
    // The watcher of a guest that has ended may still take and release the domain.
    const deadline = performance.now() + 10_000
    let parts: readonly string[]
    do {
      await delay(20)
      const tree = await readdir(stateDir, { recursive: true })
      parts = tree.filter((file) => file.endsWith('.partial'))
    } while (parts.length > 0 && performance.now() < deadline)
    assert.deepEqual(parts, [])
    await this.#checkCount(serial)
  }

  /** After each number comes the next one, or the first of a guest that was booted on purpose. */
  async #checkCount(serial: string): Promise<void> {
    const text = await readFile(serial, 'latin1').catch(() => '')
    const counts = [...text.matchAll(/^CNT ([0-9a-f]{8}) SUM [0-9a-f]{4}\r$/gm)].map((match) =>
      Number.parseInt(match[1] ?? '', 16),
    )
    let boots = 0
    counts.forEach((count, index) => {
      const before = counts[index - 1] ?? 0
      if (count === before + 1) return
      boots += 1
      assert.ok(count <= 2, `the guest counted ${count} after ${before}`)
    })
    assert.ok(boots <= this.#boots, `${boots} boots, and ${this.#boots} were asked for`)
  }

  async #observe(): Promise<void> {
    while (!this.#ended) {
      this.#most = Math.max(this.#most, qemusIn(this.#shared).length)
      this.samples += 1
      await delay(40)
    }
  }
}

/** The QEMUs of the domain, on all hosts. */
function qemusIn({ dir }: SharedState): readonly number[] {
  return processesOf(dir.path, (line) => /^[^\0]*qemu-system[^\0]*\0/.test(line))
}

if (process.argv[1] === import.meta.filename) {
  const values = runnerOptions('test:two-hosts', {
    rounds: { type: 'string', value: 'N', help: 'rounds', default: '200' },
    seconds: { type: 'string', value: 'N', help: 'begin nothing after this time' },
    seed: SEED,
  })
  const outcomes = await raceHosts({
    rounds: Number(values.rounds),
    seed: Number(values.seed),
    seconds: values.seconds === undefined ? undefined : Number(values.seconds),
    onRound: (line) => console.log(line),
  })
  for (const [outcome, times] of [...outcomes].toSorted(([one], [other]) => (one < other ? -1 : 1)))
    console.log(`${times} × ${outcome}`)
  const rounds = [...outcomes.values()].reduce((sum, times) => sum + times, 0)
  console.log(`${rounds} rounds: one winner each, never two QEMUs, nothing lost`)
}
