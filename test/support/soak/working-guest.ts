import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { defineDomain, destroyDomain, domainInfo, startDomain } from '../../../src/index.ts'
import { domainXml } from '../domain-xml.ts'
import { GuestConsole } from '../guest-console.ts'
import { computeFillSum } from '../guest-memory.ts'
import { withoutBalloon } from '../linux-domain.ts'
import { tempDir, type TempDir } from '../temp-dir.ts'
import { describeHang } from './hang.ts'
import { startBlobServer } from './blob-server.ts'

/** What the guest has done. */
export interface WorkCounts {
  readonly ticks: number
  readonly disk: number
  readonly network: number
  readonly uptimeSeconds: number
}

/** A Linux guest that writes memory, writes and flushes files on ext4 and fetches over the network, and checks all of it. It ends with its scope. */
export interface WorkingGuest extends AsyncDisposable {
  readonly name: string
  readonly dir: TempDir
  readonly stateDir: string
  /** Waits for new turns of all work, and checks what the guest found about its memory, its disk and its network. */
  readonly check: () => Promise<WorkCounts>
  /** Ends the work, shuts the guest down and checks its file system from outside. Returns the turns in the log on the disk. */
  readonly shutDown: () => Promise<number>
}

const NAME = 'soak'
const FILL = { mib: 24, seed: 11 }
const DIRTY_MIB = 16
const DISK_MIB = 48

/** Boots the guest and starts its work. */
export async function startWorkingGuest(emulator: string): Promise<WorkingGuest> {
  await using stack = new AsyncDisposableStack()
  const dir = stack.use(await tempDir())
  const server = stack.use(await startBlobServer())
  const stateDir = dir.join('state')
  const [diskPath, path] = [dir.join('disk'), dir.join('serial')]
  execFileSync('truncate', ['-s', `${DISK_MIB}M`, diskPath])
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-F', diskPath])
  const serial = { type: 'unix', path } as const
  const xml = domainXml({ name: NAME, guest: 'linux', emulator, serial, diskPath })
  await defineDomain(withoutBalloon(xml), { stateDir })
  stack.defer(async () => {
    await destroyDomain(NAME, { stateDir }).catch(() => undefined)
  })
  await startDomain(NAME, { stateDir })
  {
    await using console = await GuestConsole.connect(path)
    await console.waitForLine(/^TICK 1$/, { timeoutMs: 90_000 })
    const [, sum] = await console.ask(`fill ${FILL.mib} ${FILL.seed}`, /^FILLED (.*)/)
    assert.equal(sum, computeFillSum(FILL.mib, FILL.seed))
    await console.ask(`work ${server.url}`, /^WORKING/)
    await console.ask(`write ${DIRTY_MIB}`, /^WRITING/)
  }
  const owned = stack.move()
  return {
    name: NAME,
    dir,
    stateDir,
    check: async () => {
      try {
        await using console = await GuestConsole.connect(path)
        return await checkWork(console)
      } catch (cause) {
        throw new Error(`The guest does not work\n${await describeHang(stateDir, NAME)}`, { cause })
      }
    },
    shutDown: () => shutDown({ stateDir, path, diskPath }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function checkWork(console: GuestConsole): Promise<WorkCounts> {
  const before = await turnsOf(console)
  // Two turns after the restore: the first one may have begun before the save.
  const after = await turnsOf(
    console,
    (now) => now.disk >= before.disk + 2 && now.network >= before.network + 1,
  )
  const [, quiet] = await console.ask('quiet', /^QUIET (.*)/, SLOW)
  assert.match(quiet ?? '', /^[0-9a-f]+ ok$/, 'the memory that the guest writes')
  const [, sum] = await console.ask('sum', /^SUM (.*)/, SLOW)
  assert.equal(sum, computeFillSum(FILL.mib, FILL.seed), 'the memory that the guest has filled')
  const [, uptime] = await console.ask('uptime', /^UPTIME (.*)/, SLOW)
  const [, ticks] = await console.waitForLine(/^TICK (\d+)$/, SLOW)
  await console.ask(`write ${DIRTY_MIB}`, /^WRITING/, SLOW)
  return { ticks: Number(ticks), uptimeSeconds: Number(uptime), ...after }
}

/** Under TCG on a busy machine. */
const SLOW = { timeoutMs: 120_000 }

type Turns = Pick<WorkCounts, 'disk' | 'network'>

async function turnsOf(
  console: GuestConsole,
  enough: (turns: Turns) => boolean = () => true,
): Promise<Turns> {
  const deadline = performance.now() + SLOW.timeoutMs
  for (;;) {
    const found = await console.ask('worked', /^WORKED disk (\d*) net (\d*) faults (.*)/, SLOW)
    const [, disk, network, faults] = found
    assert.equal(faults, '', 'faults that the guest found')
    const turns = { disk: Number(disk), network: Number(network) }
    if (enough(turns)) return turns
    assert.ok(performance.now() < deadline, `the guest's work stands still: ${found[0]}`)
    await delay(300)
  }
}

async function shutDown(guest: {
  readonly stateDir: string
  readonly path: string
  readonly diskPath: string
}): Promise<number> {
  {
    await using console = await GuestConsole.connect(guest.path)
    const [, quiet] = await console.ask('quiet', /^QUIET (.*)/, SLOW)
    assert.match(quiet ?? '', /^[0-9a-f]+ ok$/)
    const [, done] = await console.ask('stop', /^STOPPED (.*)/, SLOW)
    assert.equal(done, 'done', 'the file system is unmounted')
    console.send('poweroff')
    const deadline = performance.now() + SLOW.timeoutMs
    while ((await domainInfo(NAME, { stateDir: guest.stateDir })).state !== 'shut off') {
      assert.ok(performance.now() < deadline, 'the guest shuts down')
      await delay(200)
    }
  }
  execFileSync('e2fsck', ['-fn', guest.diskPath], { stdio: 'pipe' })
  const log = execFileSync('debugfs', ['-R', 'cat /log', guest.diskPath], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const turns = log.trimEnd().split('\n').map(Number)
  turns.forEach((turn, index) => assert.equal(turn, index + 1, 'the log on the disk has no gap'))
  return turns.length
}
