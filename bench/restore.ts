import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BenchMachine } from './machine.ts'
import type { Measurement, Scenario } from './rounds.ts'
import { saveWithStasis } from './save.ts'
import type { BenchSetting } from './setting.ts'

const run = promisify(execFile)
const CHANNELS = 4

/** The images to restore; made once. */
export interface RestoreImages {
  readonly plain: string
  readonly mapped: string
  readonly zstd: string
  readonly uncompressed: string
}

/** Saves the same guest in every format that is restored afterwards. */
export async function makeRestoreImages(setting: BenchSetting): Promise<RestoreImages> {
  const images = {
    plain: join(setting.directory, 'plain.bin'),
    mapped: join(setting.directory, 'mapped.bin'),
    zstd: join(setting.directory, 'zstd.sav'),
    uncompressed: join(setting.directory, 'uncompressed.sav'),
  }
  await saveWithStasis(setting, 'zstd', 'adaptive', images.zstd)
  await saveWithStasis(setting, 'none', '0', images.uncompressed)
  await saveByQemu(setting, false, `exec:cat > ${images.plain}`)
  await saveByQemu(setting, true, `file:${images.mapped}`)
  for (const path of Object.values(images)) {
    await using file = await open(path, 'r+')
    await file.sync()
  }
  return images
}

/** The scenarios of `npm run bench -- restore`: from nothing to a QEMU that has all its memory, with a cold page cache. */
export function restoreScenarios(
  setting: BenchSetting,
  images: RestoreImages,
): readonly Scenario[] {
  return [
    {
      name: 'qemu plain stream, exec:cat',
      measure: () => loadByQemu(setting, false, `exec:cat ${images.plain}`),
    },
    {
      name: 'qemu mapped-ram + multifd + direct-io',
      measure: () => loadByQemu(setting, true, `file:${images.mapped}`),
    },
    { name: 'stasis, zstd', measure: () => loadByStasis(setting, images.zstd) },
    { name: 'stasis, uncompressed', measure: () => loadByStasis(setting, images.uncompressed) },
  ]
}

async function loadByStasis(setting: BenchSetting, path: string): Promise<Measurement> {
  dropCaches()
  const script = join(import.meta.dirname, 'restore-with-stasis.ts')
  const args = [setting.emulator, setting.directory, path, `${setting.ramBytes}`, `${CHANNELS}`]
  const { stdout } = await run(process.execPath, [script, ...args])
  return JSON.parse(stdout) as Measurement
}

async function loadByQemu(
  setting: BenchSetting,
  mapped: boolean,
  uri: string,
): Promise<Measurement> {
  dropCaches()
  const started = performance.now()
  await using machine = await startEmpty(setting, true)
  await prepare(machine, mapped)
  await machine.qmp.execute('migrate-incoming', { uri })
  await machine.migrated()
  return {
    seconds: (performance.now() - started) / 1000,
    fileBytes: 0,
    processorSeconds: 0,
    qemuProcessorSeconds: machine.processorSeconds(),
  }
}

async function saveByQemu(setting: BenchSetting, mapped: boolean, uri: string): Promise<void> {
  await using machine = await startEmpty(setting, false)
  machine.fill(setting.filledPath, setting.ramBytes)
  await prepare(machine, mapped)
  await machine.qmp.execute('migrate', { uri })
  await machine.migrated()
}

async function prepare(machine: BenchMachine, mapped: boolean): Promise<void> {
  if (mapped) {
    await machine.qmp.execute('migrate-set-capabilities', {
      capabilities: [
        { capability: 'multifd', state: true },
        { capability: 'mapped-ram', state: true },
      ],
    })
    await machine.qmp.execute('migrate-set-parameters', {
      'multifd-channels': CHANNELS,
      'direct-io': true,
    })
  }
  await machine.qmp.execute('migrate-set-parameters', { 'max-bandwidth': 2 ** 50 })
}

function startEmpty(setting: BenchSetting, incoming: boolean): Promise<BenchMachine> {
  return BenchMachine.start({
    emulator: setting.emulator,
    directory: setting.directory,
    ramBytes: setting.ramBytes,
    memory: 'memory-backend-ram',
    incoming,
  })
}

function dropCaches(): void {
  writeFileSync('/proc/sys/vm/drop_caches', '1')
}
