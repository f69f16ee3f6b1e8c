import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BenchMachine } from './machine.ts'
import type { BenchSetting } from './setting.ts'
import type { Measurement, Scenario } from './rounds.ts'

const run = promisify(execFile)
const CHANNELS = 2

/** The scenarios of `npm run bench -- save`. Every scenario ends with durable data unless its name says otherwise. */
export function saveScenarios(setting: BenchSetting): readonly Scenario[] {
  return [
    { name: 'qemu mapped-ram + multifd + direct-io', measure: () => mappedRam(setting) },
    { name: 'stasis, uncompressed', measure: () => saveWithStasis(setting, 'none', '0') },
    { name: 'stasis, zstd adaptive', measure: () => saveWithStasis(setting, 'zstd', 'adaptive') },
    { name: 'stasis, zstd 1', measure: () => saveWithStasis(setting, 'zstd', '1') },
    { name: 'qemu exec:cat', measure: () => execCat(setting) },
    { name: 'zstd -1 -T0 from memory to the disk', measure: () => zstdAlone(setting, true) },
    { name: 'zstd -1 -T0 from memory to nowhere', measure: () => zstdAlone(setting, false) },
  ]
}

/** Saves in a process of its own. With `keepAs` the image is kept under that path. */
export async function saveWithStasis(
  setting: BenchSetting,
  compression: string,
  level: string,
  keepAs?: string,
): Promise<Measurement> {
  const script = join(import.meta.dirname, 'save-with-stasis.ts')
  const path = keepAs ?? join(setting.directory, 'stasis.sav')
  const args = [
    setting.emulator,
    setting.directory,
    setting.filledPath,
    `${setting.ramBytes}`,
    `${CHANNELS}`,
  ]
  const { stdout } = await run(process.execPath, [script, ...args, compression, level, path])
  if (keepAs === undefined) await rm(path)
  return JSON.parse(stdout) as Measurement
}

async function mappedRam(setting: BenchSetting): Promise<Measurement> {
  const path = join(setting.directory, 'mapped.bin')
  await using machine = await startGuest(setting)
  await machine.qmp.execute('migrate-set-capabilities', {
    capabilities: [
      { capability: 'multifd', state: true },
      { capability: 'mapped-ram', state: true },
    ],
  })
  await machine.qmp.execute('migrate-set-parameters', {
    'multifd-channels': CHANNELS,
    'max-bandwidth': 2 ** 50,
    'direct-io': true,
  })
  return await timed(machine, `file:${path}`, path)
}

async function execCat(setting: BenchSetting): Promise<Measurement> {
  const path = join(setting.directory, 'plain.bin')
  await using machine = await startGuest(setting)
  await machine.qmp.execute('migrate-set-parameters', { 'max-bandwidth': 2 ** 50 })
  return await timed(machine, `exec:cat > ${path}`, path)
}

async function timed(machine: BenchMachine, uri: string, path: string): Promise<Measurement> {
  const qemuBefore = machine.processorSeconds()
  const started = performance.now()
  await machine.qmp.execute('migrate', { uri })
  await machine.migrated()
  await flush(path)
  const seconds = (performance.now() - started) / 1000
  const { blocks } = await stat(path)
  await rm(path)
  return {
    seconds,
    fileBytes: blocks * 512,
    processorSeconds: 0,
    qemuProcessorSeconds: machine.processorSeconds() - qemuBefore,
  }
}

async function zstdAlone(setting: BenchSetting, toDisk: boolean): Promise<Measurement> {
  const path = toDisk ? join(setting.directory, 'alone.zst') : '/dev/null'
  await rm(join(setting.directory, 'alone.zst'), { force: true })
  const started = performance.now()
  const child = spawn('zstd', ['-q', '-f', '-1', '-T0', '-o', path, setting.filledPath], {
    stdio: 'inherit',
  })
  await once(child, 'exit')
  if (toDisk) await flush(path)
  const seconds = (performance.now() - started) / 1000
  const fileBytes = toDisk ? (await stat(path)).size : 0
  await rm(join(setting.directory, 'alone.zst'), { force: true })
  return { seconds, fileBytes, processorSeconds: 0, qemuProcessorSeconds: 0 }
}

async function startGuest(setting: BenchSetting): Promise<BenchMachine> {
  const machine = await BenchMachine.start({
    emulator: setting.emulator,
    directory: setting.directory,
    ramBytes: setting.ramBytes,
    memory: 'memory-backend-ram',
    incoming: false,
  })
  machine.fill(setting.filledPath, setting.ramBytes)
  return machine
}

async function flush(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  await file.sync()
}
