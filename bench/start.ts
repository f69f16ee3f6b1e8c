import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { runtimePaths } from '../src/domain/store/runtime-paths.ts'
import { readRecord } from '../src/domain/store/runtime-record.ts'
import { connectWhenReady } from '../src/qemu/process/await-monitor.ts'
import { cacheDir } from '../test/support/cache-dir.ts'
import '../test/support/allow.ts'
import { domainXml } from '../test/support/domain-xml.ts'
import { bedObstacle, holdLibvirt } from '../test/support/libvirt-bed.ts'
import { defineDomain, saveDomain, startDomain } from '../src/index.ts'
import { type Cost, costOf } from './child-cost.ts'
import { printTarget } from './report.ts'
import { median } from './rounds.ts'
import type { BenchSetting } from './setting.ts'

const RUNNING = 'running'
const OFF = 'off'
const BED = '9.0'

const checkout = join(import.meta.dirname, '../bin/stasis')
/** As the package runs it, without the look for changed sources. */
const stasis = [process.execPath, join(import.meta.dirname, '../.bundle/entry.cjs')]

/**
 * What `npm run bench -- start` prints: the processor time of short commands beside `node -e 0` and virsh of a real libvirt, each with one running
 * domain and one that is off; then a restore by map, from the start of the command to its end, beside the same QEMU alone.
 */
export async function benchStart(setting: BenchSetting): Promise<void> {
  const directory = join(setting.directory, 'start')
  await mkdir(directory)
  const context = { directory, stateDir: join(directory, 's') }
  const image = await makeDomains(setting, context)
  // The first command makes the bundles, and each verb keeps its code.
  const env = { ...process.env, STASIS_STATE_DIR: context.stateDir }
  costOf([checkout, 'version'], env)
  await benchCommands(setting, env)
  if (setting.mapsInPlace) await benchMap(setting, context, image, env)
  costOf([...stasis, 'destroy', RUNNING], env)
}

interface Context {
  readonly directory: string
  readonly stateDir: string
}

async function makeDomains(setting: BenchSetting, context: Context): Promise<string> {
  const { directory, stateDir } = context
  for (const name of [RUNNING, OFF])
    await defineDomain(xmlOf(name, setting, directory), { stateDir })
  const image = join(directory, 'image.sav')
  await startDomain(RUNNING, { stateDir })
  await saveDomain(RUNNING, image, { stateDir, compression: 'none' })
  await startDomain(RUNNING, { stateDir })
  return image
}

function xmlOf(
  name: string,
  { emulator }: { readonly emulator: string },
  directory: string,
): string {
  const serial = { type: 'file', path: join(directory, `${name}.serial`) } as const
  return domainXml({ name, guest: 'tiny', emulator, memoryMib: 64, serial })
}

async function benchCommands(setting: BenchSetting, env: NodeJS.ProcessEnv): Promise<void> {
  await using virsh = await connectVirsh(setting.directory)
  const commands = new Map<string, readonly string[]>([
    ['node -e 0', [process.execPath, '-e', '0']],
    ['stasis list --all', [...stasis, 'list', '--all']],
    ['stasis domstate, running', [...stasis, 'domstate', RUNNING]],
    ['stasis domstate, off', [...stasis, 'domstate', OFF]],
    ['bin/stasis list --all', [checkout, 'list', '--all']],
    ...virsh.commands,
  ])
  const runs: Record<string, Cost>[] = []
  for (let round = 0; round <= setting.rounds; round += 1) {
    const run: Record<string, Cost> = {}
    for (const [name, command] of commands) run[name] = costOf(command, env)
    runs.push(run)
  }
  // The first one warms up.
  runs.shift()
  printCosts([...commands.keys()], runs)
  for (const name of commands.keys()) {
    if (!name.startsWith('stasis')) continue
    const ratios = runs.map(
      (run) => (run[name]?.processorMs ?? NaN) / (run['node -e 0']?.processorMs ?? NaN),
    )
    printTarget(`${name} / node -e 0, processor time`, median(ratios), 1.6)
  }
}

/** The same with virsh, where libvirt can run: inside the namespaces of its bed, which costs what `true` shows. */
async function connectVirsh(
  directory: string,
): Promise<AsyncDisposable & { readonly commands: ReadonlyMap<string, readonly string[]> }> {
  const obstacle = bedObstacle()
  if (obstacle !== undefined) {
    console.log(`without virsh: ${obstacle}`)
    return { commands: new Map(), [Symbol.asyncDispose]: () => Promise.resolve() }
  }
  const bed = await holdLibvirt(BED)
  for (const name of [RUNNING, OFF]) {
    const path = join(directory, `libvirt-${name}.xml`)
    const emulator = '/usr/bin/qemu-system-x86_64'
    // libvirt 9.0 does not know this model.
    const xml = xmlOf(name, { emulator }, directory).replace(/<watchdog model='itco'[^>]*\/>/, '')
    await writeFile(path, xml)
    await bed.virsh('define', path)
  }
  await bed.virsh('start', RUNNING)
  const pid = (await readFile(join(cacheDir, `libvirt-${BED}/init`), 'utf8')).trim()
  const inside = ['nsenter', '--target', pid, '--mount', '--pid', '--root', '--wdns=/']
  const virsh = [...inside, 'virsh', '-q', '-c', 'qemu:///system']
  return {
    commands: new Map([
      ['true in the bed of libvirt', [...inside, 'true']],
      ['virsh list --all', [...virsh, 'list', '--all']],
      ['virsh domstate, running', [...virsh, 'domstate', RUNNING]],
    ]),
    [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose](),
  }
}

async function benchMap(
  setting: BenchSetting,
  context: Context,
  image: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const restores: Cost[] = []
  const alone: Cost[] = []
  for (let round = 0; round <= setting.rounds; round += 1) {
    costOf([...stasis, 'destroy', RUNNING], env)
    restores.push(costOf([...stasis, 'restore', '--mode', 'map', image], env))
    alone.push(await startAlone(context))
  }
  const runs = restores.slice(1).map((restore, index) => ({
    'stasis restore --mode map': restore,
    'the same QEMU alone': alone[index + 1] ?? restore,
  }))
  printCosts(['stasis restore --mode map', 'the same QEMU alone'], runs)
  const more = runs.map(
    (run) => run['stasis restore --mode map'].wallMs - run['the same QEMU alone'].wallMs,
  )
  printTarget('restore by map, more than QEMU alone, ms: median', median(more), 150)
  printTarget('restore by map, more than QEMU alone, ms: least', Math.min(...more), 150)
}

/** Starts the QEMU of the restored domain once more, with empty memory, until its guest runs. */
async function startAlone({ directory, stateDir }: Context): Promise<Cost> {
  const paths = runtimePaths({ stateDir, runtimeDir: join(stateDir, 'run') }, RUNNING)
  const [program = '', ...argv] = (await readRecord(paths))?.commandLine ?? []
  const socket = join(directory, `alone-${process.hrtime.bigint()}`)
  const start = performance.now()
  const qmp = ['-qmp', `unix:${socket},server=on,wait=off`]
  const child = spawn(program, [...withEmptyMemory(argv), ...qmp], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  const { signal } = new AbortController()
  await using control = await connectWhenReady(socket, {
    signal,
    timeoutMs: 60_000,
    processTail: () => '',
  })
  await control.execute('cont')
  const wallMs = performance.now() - start
  child.kill('SIGKILL')
  await ended
  return { wallMs, processorMs: NaN }
}

/** Without waiting for a machine, and with memory of its own in place of the mapped file. */
function withEmptyMemory(argv: readonly string[]): readonly string[] {
  const incoming = argv.indexOf('-incoming')
  return argv
    .filter((_, index) => index !== incoming && index !== incoming + 1)
    .map((argument) => {
      if (!argument.includes('"memory-backend-file"')) return argument
      const { id, size } = JSON.parse(argument) as { readonly id: string; readonly size: number }
      return JSON.stringify({ 'qom-type': 'memory-backend-ram', id, size })
    })
}

function printCosts(
  names: readonly string[],
  runs: readonly Readonly<Record<string, Cost>>[],
): void {
  console.log(
    `${runs.length} rounds, load ${loadavg()
      .map((load) => load.toFixed(1))
      .join(', ')}`,
  )
  const rows = names.map((command) => {
    const costs = runs.flatMap((run) => run[command] ?? [])
    const cpu = costs.map(({ processorMs }) => processorMs)
    const wall = costs.map(({ wallMs }) => wallMs)
    return {
      command,
      'CPU ms, least': round(Math.min(...cpu)),
      'CPU ms, median': round(median(cpu)),
      'wall ms, least': round(Math.min(...wall)),
      'wall ms, median': round(median(wall)),
    }
  })
  console.table(rows)
}

function round(value: number): number | string {
  return Number.isNaN(value) ? '' : Math.round(value * 10) / 10
}
