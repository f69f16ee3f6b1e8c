import { writeFileSync } from 'node:fs'
import { open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { bedObstacle } from '../../test/support/libvirt-bed.ts'
import { prepareHostMemory } from '../host-memory.ts'
import type { Measurement, Scenario } from '../rounds.ts'
import type { BenchSetting } from '../setting.ts'
import type { CommandCost } from './command-cost.ts'
import type { BenchGuest } from './guest-host.ts'
import { stasisGuest } from './stasis-commands.ts'
import { virshGuest } from './virsh-commands.ts'

/** A way to save, and the ways to restore what it wrote. */
interface Way {
  readonly name: string
  readonly save: readonly string[]
  readonly restores: readonly { readonly name: string; readonly args: readonly string[] }[]
}

const LOAD = { name: 'load', args: ['--mode', 'load'] } as const
const DIRECT = ['--parallel-channels', '4', '--bypass-cache'] as const

const STASIS: readonly Way[] = [
  {
    name: 'uncompressed',
    save: ['--parallel-compression', 'none', '--parallel-connections', '2'],
    restores: [LOAD, { name: 'map', args: ['--mode', 'map'] }],
  },
  {
    name: 'zstd adaptive',
    save: ['--parallel-compression', 'zstd', '--parallel-connections', '2'],
    restores: [LOAD, { name: 'lazy', args: ['--mode', 'lazy'] }],
  },
]

const VIRSH_9_0: readonly Way[] = [
  { name: 'raw', save: [], restores: [{ name: 'restore', args: [] }] },
]

const VIRSH_11_3: readonly Way[] = [
  {
    name: 'raw',
    save: ['--image-format', 'raw'],
    restores: [{ name: 'restore', args: [] }],
  },
  {
    name: 'zstd',
    save: ['--image-format', 'zstd'],
    restores: [{ name: 'restore', args: [] }],
  },
  {
    name: 'sparse, 4 channels, past the cache',
    save: ['--image-format', 'sparse', ...DIRECT],
    restores: [{ name: 'restore, 4 channels, past the cache', args: DIRECT }],
  },
]

/** Saves and restores as users run them: whole commands of Stasis and of real virsh, on a guest that runs. */
export interface CommandScenarios extends AsyncDisposable {
  readonly saves: readonly Scenario[]
  /** Writes the images that the restores use; made once. */
  makeImages(): Promise<void>
  readonly restores: readonly Scenario[]
}

/** The commands to measure: Stasis, and the libvirts that can run here. */
export async function commandScenarios(setting: BenchSetting): Promise<CommandScenarios> {
  await using made = new AsyncDisposableStack()
  const peers: { readonly guest: BenchGuest; readonly ways: readonly Way[] }[] = [
    {
      guest: await stasisGuest(setting, join(import.meta.dirname, '../..'), 'stasis'),
      ways: STASIS,
    },
  ]
  const { against } = setting
  if (against !== undefined) {
    peers.push({ guest: await stasisGuest(setting, against, 'other stasis'), ways: STASIS })
  }
  const obstacle = bedObstacle()
  if (obstacle === undefined) {
    const versions = [
      ['9.0', VIRSH_9_0],
      ['11.3', VIRSH_11_3],
    ] as const
    for (const [version, ways] of versions)
      peers.push({ guest: made.use(await virshGuest(setting, version)).guest, ways })
  } else console.log(`without virsh: ${obstacle}`)
  const all = peers.flatMap(({ guest, ways }) => ways.map((way) => ({ guest, way })))
  const stack = made.move()
  return {
    saves: all.map(({ guest, way }) => ({
      name: `${guest.commands.label} save, ${way.name}`,
      measure: async () => {
        const path = join(setting.directory, 'command.sav')
        const measurement = await save(setting, guest, way, path)
        await rm(path)
        return measurement
      },
    })),
    async makeImages() {
      for (const { guest, way } of all) {
        const image = imageOf(setting, guest, way)
        await save(setting, guest, way, image)
        await guest.keepOutput(image)
      }
    },
    restores: all.flatMap(({ guest, way }) =>
      way.restores.map(({ name, args }) => ({
        name: `${guest.commands.label} ${name}, ${way.name}`,
        measure: () => restore(setting, guest, imageOf(setting, guest, way), args),
      })),
    ),
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  }
}

function imageOf({ directory }: BenchSetting, { commands }: BenchGuest, { name }: Way): string {
  return join(directory, `${commands.label}-${name}.sav`.replace(/[ ,]+/g, '-'))
}

/** Boots and fills the guest, then saves it; the image is durable at the end of the time. */
async function save(
  setting: BenchSetting,
  guest: BenchGuest,
  way: Way,
  path: string,
): Promise<Measurement> {
  await guest.start()
  prepareHostMemory(setting.ramBytes / 4)
  const cost = guest.run('save', guest.name, path, ...way.save)
  const started = performance.now()
  {
    await using file = await open(path, 'r+')
    await file.sync()
  }
  const flushMs = performance.now() - started
  return measurementOf(cost, flushMs, (await stat(path)).blocks * 512)
}

/** Restores the guest with a cold page cache, until the command returns; the guest then proves that it goes on. */
async function restore(
  setting: BenchSetting,
  guest: BenchGuest,
  path: string,
  args: readonly string[],
): Promise<Measurement> {
  await guest.returnToOutput(path)
  writeFileSync('/proc/sys/vm/drop_caches', '1')
  prepareHostMemory(setting.ramBytes)
  const cost = guest.run('restore', path, ...args)
  await guest.assertGoesOn()
  guest.end()
  return measurementOf(cost, 0, 0)
}

function measurementOf(cost: CommandCost, flushMs: number, fileBytes: number): Measurement {
  return {
    seconds: (cost.wallMs + flushMs) / 1000,
    fileBytes,
    processorSeconds: cost.processorMs / 1000,
    qemuProcessorSeconds: Number.NaN,
    peakBytes: cost.peakBytes,
  }
}
