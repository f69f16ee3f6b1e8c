import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { evictImage, flushImage } from '../../host/files.ts'
import { prepareHostMemory } from '../../host/host-memory.ts'
import type { Measurement } from '../../rounds/measurement.ts'
import type { BenchSetting } from '../../setting.ts'
import { type Way, mostRoundsOf, scenarioNames } from '../way.ts'
import { BareMachine } from './bare-machine.ts'
import { PlainReceiver } from './plain-receiver.ts'
import { sendFiles } from './plain-sender.ts'

/** The settings that QEMU gets before a migration, on both sides. */
interface Migration {
  readonly name: string
  readonly capabilities: readonly Capability[]
  readonly parameters: Readonly<Record<string, string | number | boolean>>
  /** The address that QEMU writes to and reads from; without it, a program of ours holds the channels. */
  readonly uri: ((path: string) => { readonly save: string; readonly load: string }) | undefined
  readonly mostRounds?: number
}

type Capability = 'multifd' | 'mapped-ram'

const file = (path: string) => ({ save: `file:${path}`, load: `file:${path}` })

/** The suites for saves and restores measure these. */
export const CHANNELS = 4

const MIGRATIONS: readonly Migration[] = [
  {
    ...{ name: 'plain stream through a pipe', capabilities: [], parameters: {} },
    uri: (path) => ({ save: `exec:cat > ${path}`, load: `exec:cat ${path}` }),
  },
  { name: 'plain stream to a file', capabilities: [], parameters: {}, uri: file },
  { name: 'mapped-ram', capabilities: ['mapped-ram'], parameters: {}, uri: file, mostRounds: 1 },
  {
    ...{ name: 'mapped-ram + multifd', capabilities: ['mapped-ram', 'multifd'] },
    ...{ parameters: { 'multifd-channels': CHANNELS }, uri: file, mostRounds: 1 },
  },
  mappedDirect(CHANNELS),
  {
    ...{ name: 'multifd zstd into a plain receiver', capabilities: ['multifd'] },
    parameters: { 'multifd-channels': CHANNELS, 'multifd-compression': 'zstd' },
    ...{ uri: undefined, mostRounds: 1 },
  },
]

/** QEMU's own ways, by its monitor. */
export function qemuWays(setting: BenchSetting): readonly Way[] {
  return MIGRATIONS.map((migration) => qemuWay(setting, migration))
}

/** The names of the scenarios of each of QEMU's ways. */
export function qemuNames(): readonly (readonly string[])[] {
  return MIGRATIONS.map(({ name }) => scenarioNames('qemu', name, ['load']))
}

/** QEMU's fastest way to save, with a number of channels. */
export function mappedDirectWay(setting: BenchSetting, channels: number): Way {
  return qemuWay(setting, mappedDirect(channels))
}

function mappedDirect(channels: number): Migration {
  return {
    ...{ name: 'mapped-ram + multifd + direct-io', capabilities: ['mapped-ram', 'multifd'] },
    ...{ parameters: { 'multifd-channels': channels, 'direct-io': true }, uri: file },
  }
}

function qemuWay(setting: BenchSetting, migration: Migration): Way {
  return {
    peer: 'qemu',
    name: migration.name,
    ...mostRoundsOf(migration),
    save: (path) => save(setting, migration, path),
    restores: [{ name: 'load', restore: (path) => load(setting, migration, path) }],
  }
}

/** Stops the guest and saves it; the image is durable at the end of the time. */
async function save(
  setting: BenchSetting,
  migration: Migration,
  path: string,
): Promise<Measurement> {
  await rm(`${path}.serial`, { force: true })
  await using machine = await BareMachine.start(setting, {
    ...{ serial: `${path}.serial`, incoming: false },
  })
  await machine.runAndFill(setting)
  await prepare(machine, migration)
  prepareHostMemory(setting.ramBytes / 4)
  const before = machine.processorSeconds()
  const cpuBefore = process.cpuUsage()
  const started = performance.now()
  await machine.qmp.execute('stop')
  await using receiver =
    migration.uri === undefined ? await PlainReceiver.listen(path, CHANNELS + 1) : undefined
  await machine.qmp.execute('migrate', {
    uri: receiver?.uri ?? migration.uri?.(path).save ?? '',
  })
  await machine.migrated()
  await receiver?.received
  const { fileBytes } = await flushImage(path)
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  return {
    ...{ seconds, downtimeSeconds: seconds, fileBytes },
    ...(receiver === undefined ? {} : { processorSeconds: (user + system) / 1e6 }),
    qemuProcessorSeconds: machine.processorSeconds() - before,
  }
}

/** From the start of QEMU until its guest runs, with a cold page cache. */
async function load(
  setting: BenchSetting,
  migration: Migration,
  path: string,
): Promise<Measurement> {
  const serial = join(setting.directory, 'qemu.serial')
  await copyFile(`${path}.serial`, serial)
  await evictImage(path)
  prepareHostMemory(setting.ramBytes)
  const cpuBefore = process.cpuUsage()
  const started = performance.now()
  await using machine = await BareMachine.start(setting, { serial, incoming: true })
  await prepare(machine, migration)
  const socket = `${path}.socket`
  await machine.qmp.execute('migrate-incoming', {
    uri: migration.uri?.(path).load ?? `unix:${socket}`,
  })
  if (migration.uri === undefined) await sendFiles(path, socket)
  await machine.migrated()
  await machine.qmp.execute('cont')
  const seconds = (performance.now() - started) / 1000
  const qemuProcessorSeconds = machine.processorSeconds()
  const { user, system } = process.cpuUsage(cpuBefore)
  await machine.assertGoesOn()
  await rm(socket, { force: true })
  return {
    seconds,
    ...(migration.uri === undefined ? { processorSeconds: (user + system) / 1e6 } : {}),
    qemuProcessorSeconds,
  }
}

async function prepare(
  machine: BareMachine,
  { capabilities, parameters }: Migration,
): Promise<void> {
  await machine.qmp.execute('migrate-set-capabilities', {
    capabilities: capabilities.map((capability) => ({ capability, state: true })),
  })
  await machine.qmp.execute('migrate-set-parameters', { 'max-bandwidth': 2 ** 50, ...parameters })
}
