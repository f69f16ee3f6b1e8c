import { execFile } from 'node:child_process'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { QmpConnection } from '../../src/qmp/connection.ts'
import { bedObstacle } from '../../test/support/libvirt-bed.ts'
import { fillGuest } from '../content/fill-guest.ts'
import { commandCost } from '../host/command-cost.ts'
import { flushImage } from '../host/files.ts'
import { qemuOf } from '../peers/commands/bench-guest.ts'
import { checkout, stasisCommand } from '../peers/commands/stasis-commands.ts'
import { EMULATOR, type Virsh, startVirsh } from '../peers/commands/virsh-commands.ts'
import { LOADS, type Load, pagesGuest } from '../peers/live/pages-guest.ts'
import { measureLive } from '../peers/live/measure-live.ts'
import { PlainReceiver } from '../peers/qemu/plain-receiver.ts'
import { stopsAtMonitor, stopsByCommand, stopsOf } from '../peers/live/stop-times.ts'
import type { Measurement, Scenario } from '../rounds/measurement.ts'
import type { BenchSetting } from '../setting.ts'
import type { Suite } from './suite.ts'

const run = promisify(execFile)

/** Until the guest has written all its pages once. */
const SETTLE_MS = 3000

/** What a command does to a guest that runs. */
interface LiveAct {
  readonly name: string
  /** How the guest came to run. */
  readonly from: 'booted' | 'loaded' | 'mapped'
  readonly argv: (name: string, image: string) => readonly string[]
}

const SAVE: LiveAct['argv'] = (name, image) => ['save', name, image, '--live']

const ACTS: readonly LiveAct[] = [
  { name: 'save', from: 'booted', argv: (name, image) => ['save', name, image] },
  { name: 'save --live', from: 'booted', argv: SAVE },
  { name: 'save --live of a loaded guest', from: 'loaded', argv: SAVE },
  { name: 'save --live of a mapped guest', from: 'mapped', argv: SAVE },
  { name: 'checkpoint', from: 'booted', argv: (name) => ['checkpoint', name, 'one'] },
  {
    name: 'checkpoint --stopped',
    from: 'booted',
    argv: (name) => ['checkpoint', name, 'one', '--stopped'],
  },
]

/** How long a guest is stopped, and how it writes, while it is saved and continues. */
export const liveSuite: Suite = {
  ...{ rounds: 3, usesRam: true, images: () => 2 },
  about: 'saves a guest that continues: how long it is stopped, and how fast it writes meanwhile',
  async open(setting) {
    const scenarios: Scenario[] = LOADS.flatMap((load) => [
      ...ACTS.map((act) => ({
        name: `stasis ${act.name}, ${load.name}`,
        measure: () => byStasis(setting, load, act),
      })),
      { name: `qemu precopy to a file, ${load.name}`, measure: () => byPrecopy(setting, load) },
    ])
    const virshName = (load: Load): string => `virsh 11.3 snapshot --memspec --live, ${load.name}`
    await using made = new AsyncDisposableStack()
    const obstacle = bedObstacle()
    if (obstacle !== undefined) console.error(`without virsh: ${obstacle}`)
    else if (LOADS.map(virshName).some(setting.isChosen)) {
      const virsh = made.use(await startVirsh(setting.directory, '11.3'))
      for (const load of LOADS)
        scenarios.push({ name: virshName(load), measure: () => byVirsh(virsh, setting, load) })
    }
    const stack = made.move()
    return {
      scenarios: scenarios.filter(({ name }) => setting.isChosen(name)),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
  },
}

/** A guest of Stasis that runs with filled memory, from `begin` until its scope ends. */
async function stasisGuest(
  setting: BenchSetting,
  load: Load,
  from: LiveAct['from'],
): Promise<
  {
    readonly name: string
    readonly directory: string
    readonly env: NodeJS.ProcessEnv
    readonly monitor: string
  } & AsyncDisposable
> {
  const directory = join(setting.directory, 'live')
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory)
  const env = { ...process.env, STASIS_STATE_DIR: join(directory, 'state') }
  await run(join(checkout, 'bin/stasis'), ['version'], { env })
  const ours = async (...args: readonly string[]): Promise<void> => {
    const [program = '', ...argv] = stasisCommand(checkout, ...args)
    await run(program, argv, { env })
  }
  const name = `live-${process.pid}`
  const { emulator } = setting
  const { xml } = await pagesGuest({ ...setting, directory }, { name, emulator, load })
  const definition = join(directory, 'domain.xml')
  await writeFile(definition, xml)
  await ours('define', definition)
  await ours('start', name)
  const end = async (): Promise<void> => {
    await ours('destroy', name).catch(() => undefined)
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await sleep(SETTLE_MS)
    await fillGuest(qemuOf(name), setting)
    if (from !== 'booted') {
      const image = join(directory, 'before')
      await ours('save', name, image, '--parallel-compression', 'none')
      await ours('restore', image, '--mode', from === 'mapped' ? 'map' : 'load')
      await sleep(SETTLE_MS)
    }
  } catch (error) {
    await end()
    throw error
  }
  const monitor = join(directory, 'state/run', name, 'query.sock')
  return { name, directory, env, monitor, [Symbol.asyncDispose]: end }
}

async function byStasis(setting: BenchSetting, load: Load, act: LiveAct): Promise<Measurement> {
  await using guest = await stasisGuest(setting, load, act.from)
  const { name, directory, env } = guest
  const image = join(directory, 'image')
  await using stops = await stopsAtMonitor(guest.monitor)
  const { ramBytes } = setting
  const { pages } = load
  return await measureLive({ pid: qemuOf(name), ramBytes, pages, stops }, async () => {
    const cost = await commandCost(stasisCommand(checkout, ...act.argv(name, image)), env)
    const kept = join(directory, 'state/checkpoints', name, 'one/memory.save')
    const files = await readdir(directory)
    const { fileBytes } = await flushImage(files.includes('image') ? image : kept)
    return { fileBytes, processorSeconds: cost.processorMs / 1000, peakBytes: cost.peakBytes }
  })
}

/** QEMU's own migration of a running guest into a file, by its default downtime limit; the guest continues after it. */
async function byPrecopy(setting: BenchSetting, load: Load): Promise<Measurement> {
  await using guest = await stasisGuest(setting, load, 'booted')
  const { name, directory } = guest
  const image = join(directory, 'image')
  const monitor = await QmpConnection.connect(guest.monitor)
  try {
    await using stops = stopsOf(monitor)
    const { ramBytes } = setting
    const { pages } = load
    return await measureLive({ pid: qemuOf(name), ramBytes, pages, stops }, async () => {
      await monitor.execute('migrate-set-parameters', { 'max-bandwidth': 2 ** 40 })
      await using receiver = await PlainReceiver.listen(image, 1)
      await monitor.execute('migrate', { uri: receiver.uri })
      const deadline = performance.now() + PRECOPY_MS
      for (;;) {
        const { status } = await monitor.execute('query-migrate')
        if (status === 'completed') break
        if (status === 'failed') throw new Error('migration failed')
        // It does not converge: the rest is sent while the guest is stopped.
        if (performance.now() > deadline) await monitor.execute('stop')
        await sleep(5)
      }
      await monitor.execute('cont')
      await receiver.received
      return await flushed(image)
    })
  } finally {
    await monitor.close()
  }
}

const PRECOPY_MS = 10_000

async function flushed(image: string): Promise<{ readonly fileBytes: number }> {
  const { fileBytes } = await flushImage(image)
  return { fileBytes }
}

async function byVirsh(virsh: Virsh, setting: BenchSetting, load: Load): Promise<Measurement> {
  const directory = join(setting.directory, 'live-virsh')
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory)
  const name = `live-virsh-${process.pid}`
  const emulator = EMULATOR
  const { xml } = await pagesGuest({ ...setting, directory }, { name, emulator, load })
  await virsh.define(name, xml)
  const { argv } = virsh.commands
  const theirs = async (...args: readonly string[]): Promise<void> => {
    const [program = '', ...rest] = argv(...args)
    await run(program, rest)
  }
  try {
    await theirs('start', name)
    await sleep(SETTLE_MS)
    await fillGuest(qemuOf(name), setting)
    const image = join(directory, 'image')
    await using stops = await stopsByCommand(
      argv('qemu-monitor-event', name, '--loop', '--timestamp'),
    )
    const { ramBytes } = setting
    const { pages } = load
    return await measureLive({ pid: qemuOf(name), ramBytes, pages, stops }, async () => {
      const args = ['--memspec', image, '--live', '--no-metadata'] as const
      const cost = await commandCost(argv('snapshot-create-as', name, 'one', ...args))
      return { ...(await flushed(image)), processorSeconds: cost.processorMs / 1000 }
    })
  } finally {
    await theirs('destroy', name).catch(() => undefined)
    await theirs('undefine', name).catch(() => undefined)
    await rm(directory, { recursive: true, force: true })
  }
}
