// Concurrent commands on one domain from several processes, at random moments, some of them killed. After each round there is one newest
// state and nothing is left over. Run by itself: npm run test:interleavings [rounds] [seed]
import assert from 'node:assert/strict'
import { access, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { destroyDomain, listDomains, removeManagedSave } from '../../src/index.ts'
import { startStasis } from './stasis-command.ts'
import { startTinyDomain } from './tiny-domain.ts'

const COMMANDS: readonly (readonly string[])[] = [
  ['start', 'tiny'],
  ['start', 'tiny'],
  ['managedsave', 'tiny'],
  ['managedsave', 'tiny', '--format', 'raw'],
  ['managedsave', 'tiny', '--parallel-connections', '4'],
  ['start', 'tiny', '--paused'],
  ['start', 'tiny', '--force-boot'],
  ['suspend', 'tiny'],
  ['resume', 'tiny'],
  ['destroy', 'tiny'],
  ['managedsave-remove', 'tiny'],
  ['domjobabort', 'tiny'],
  ['list', '--all', '--managed-save'],
  ['domstate', 'tiny', '--reason'],
]

/** Done, refused for the domain's state, QEMU ended under it, cancelled, killed; anything else is a fault. */
const EXPECTED = new Set([0, 3, 6, 130, -1])
const PATIENCE_MS = 120_000

/** Runs so many rounds; gives what the commands answered. */
export async function interleave(
  rounds: number,
  seed: number,
): Promise<ReadonlyMap<number, number>> {
  const random = generator(seed)
  const codes = new Map<number, number>()
  await using tiny = await startTinyDomain()
  const { stateDir, runtimeDir } = tiny
  for (let round = 0; round < rounds; round++) {
    const count = 2 + random(3)
    const lines: string[] = []
    const runs = Array.from({ length: count }, async () => {
      const args = COMMANDS[random(COMMANDS.length)] ?? []
      const [startMs, killMs] = [random(400), random(4) === 0 ? 200 + random(1200) : undefined]
      lines.push(`${startMs}: ${args.join(' ')}${killMs === undefined ? '' : ` killed ${killMs}`}`)
      await delay(startMs)
      const { child, ended } = startStasis(stateDir, args)
      const kill =
        killMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killMs)
      const patience = setTimeout(() => child.kill('SIGABRT'), PATIENCE_MS)
      const { exitCode, stderr } = await ended
      clearTimeout(kill)
      clearTimeout(patience)
      assert.notEqual(child.signalCode, 'SIGABRT', `deadlock of ${args.join(' ')}`)
      assert.ok(EXPECTED.has(exitCode), `${args.join(' ')} ended with ${exitCode}: ${stderr}`)
      codes.set(exitCode, (codes.get(exitCode) ?? 0) + 1)
    })
    try {
      await Promise.all(runs)
      await checkOne(stateDir, runtimeDir)
    } catch (error) {
      throw new Error(`seed ${seed}, round ${round}: ${lines.join('; ')}`, { cause: error })
    }
  }
  await destroyDomain('tiny', { stateDir }).catch(() => undefined)
  await removeManagedSave('tiny', { stateDir }).catch(() => undefined)
  assert.deepEqual(await readdir(runtimeDir), [], 'runtime files are left')
  assert.deepEqual(await qemusOf(stateDir), [], 'a QEMU is left')
  return codes
}

/** There is one newest state, and one QEMU at most. */
async function checkOne(stateDir: string, runtimeDir: string): Promise<void> {
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
    // Loaded, but never run: both are the same state.
    assert.equal(domain.state, 'paused', 'a guest runs beside its image')
    assert.equal(domain.managedSave, true)
  }
  assert.deepEqual(await qemusOf(stateDir), domain.id === undefined ? [] : [domain.id])
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

/** Whole numbers below a limit, the same for the same seed. */
function generator(seed: number): (limit: number) => number {
  let state = seed >>> 0 || 1
  return (limit) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % limit
  }
}

if (process.argv[1] === import.meta.filename) {
  const rounds = Number(process.argv[2] ?? 200)
  const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
  console.log(`${rounds} rounds, seed ${seed}`)
  const codes = await interleave(rounds, seed)
  console.log([...codes].map(([code, times]) => `exit code ${code}: ${times}`).join('\n'))
}
