import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { domainInfo, resumeDomain, suspendDomain } from '../../src/index.ts'
import { runtimePaths } from '../../src/domain/store/runtime-paths.ts'
import { readRecord } from '../../src/domain/store/runtime-record.ts'
import { watchedRanges } from '../../src/qemu/process/write-protection.ts'
import { isLongRun, qemus } from '../support/qemus.ts'
import { Random } from '../support/random.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'
import { killWatchers, watchersEnd } from '../support/watchers.ts'

const PROGRAM = join(import.meta.dirname, '../support/snapshot-and-wait.ts')

/** What is killed. */
type Victims = 'command' | 'command, then watcher' | 'watcher, then command'

interface Kill {
  readonly victims: Victims
  /** The step after which it is killed, and how long after. */
  readonly step: string
  readonly afterMs: number
}

/** Kills a snapshot in its process group; returns whether it had not completed. */
async function killSnapshot({ stateDir }: TinyDomain, kill: Kill): Promise<boolean> {
  const child = spawn(process.execPath, [PROGRAM, stateDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  let steps = ''
  child.stdout.on('data', (text: Buffer) => (steps += text.toString()))
  const ended = once(child, 'close')
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
  while (!steps.includes(kill.step) && !isOver()) await delay(1)
  await delay(kill.afterMs)
  const killCommand = (): void => {
    // The whole process group.
    if (!isOver()) process.kill(-(child.pid ?? 0), 'SIGKILL')
  }
  if (kill.victims === 'watcher, then command') killWatchers(stateDir)
  killCommand()
  await ended
  // One that becomes our program has no command line for a moment.
  for (let look = 0; kill.victims !== 'command' && look < 20; look += 1) {
    killWatchers(stateDir)
    await delay(5)
  }
  return !steps.includes('completed')
}

/** That the guest writes, that its memory is not watched any more, and that the record is settled. */
async function assertFree({ stateDir, log }: TinyDomain): Promise<void> {
  await log.advance(2)
  const { id } = await domainInfo('tiny', { stateDir })
  assert.deepEqual(await watchedRanges(id as number), [])
  const record = await readRecord(
    runtimePaths({ stateDir, runtimeDir: join(stateDir, 'run') }, 'tiny'),
  )
  assert.equal(record?.snapshot, undefined)
}

async function assertRescued(tiny: TinyDomain, kill: Kill): Promise<boolean> {
  const { stateDir, log } = tiny
  const killed = await killSnapshot(tiny, kill)
  if (kill.victims !== 'command') {
    // Nobody is left: the next command finds it.
    await suspendDomain('tiny', { stateDir })
    await resumeDomain('tiny', { stateDir })
  }
  await watchersEnd(stateDir)
  await assertFree(tiny)
  await log.assertUnbroken()
  return killed
}

const STEPS = ['guarded', 'begun', 'held', 'received'] as const
const VICTIMS: readonly Victims[] = ['command', 'watcher, then command', 'command, then watcher']

for (const { label, emulator } of isLongRun() ? qemus() : qemus().slice(0, 1)) {
  test(`a guest writes after its snapshot by write protection was killed, QEMU ${label}`, async () => {
    await using tiny = await startTinyDomain({ emulator })
    await tiny.log.advance(1)
    const random = new Random(label.length)
    let killed = 0
    const rounds = isLongRun() ? 100 : 2
    for (let round = 0; round < rounds; round += 1) {
      const victims = VICTIMS[round % VICTIMS.length] as Victims
      const step = isLongRun() ? (STEPS[random.below(STEPS.length)] as string) : 'received'
      const afterMs = random.below(isLongRun() ? 120 : 40)
      if (await assertRescued(tiny, { victims, step, afterMs })) killed += 1
    }
    assert.ok(killed >= rounds / 2, `only ${killed} of ${rounds} were killed before their end`)
  })
}
