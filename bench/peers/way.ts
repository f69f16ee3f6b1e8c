import { mkdir, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Measurement, Scenario } from '../rounds/measurement.ts'
import type { BenchSetting } from '../setting.ts'

/** A way to save a guest, and the ways to restore what it wrote. */
export interface Way {
  /** The program, such as `virsh 11.3`. */
  readonly peer: string
  /** The format and the options. */
  readonly name: string
  /** Writes an image, and perhaps files whose names begin with its path. */
  readonly save: (path: string) => Promise<Measurement>
  readonly restores: readonly WayBack[]
  /** See `Scenario`. */
  readonly mostRounds?: number
}

/** A way to restore an image. */
export interface WayBack {
  readonly name: string
  readonly restore: (path: string) => Promise<Measurement>
}

/** The names of all scenarios of a way: `virsh 11.3 save, zstd`. */
export function scenarioNames(
  peer: string,
  way: string,
  restores: readonly string[],
): readonly string[] {
  return ['save', ...restores].map((act) => `${peer} ${act}, ${way}`)
}

/** A scenario for each way to save. */
export function saveScenarios(ways: readonly Way[], setting: BenchSetting): readonly Scenario[] {
  return ways.map((way) => ({
    name: `${way.peer} save, ${way.name}`,
    ...mostRoundsOf(way),
    measure: async () => {
      const directory = await emptyDirectoryOf(way, setting)
      const measurement = await way.save(join(directory, 'image'))
      if (!setting.keepsImages || way.restores.length === 0)
        await rm(directory, { recursive: true })
      return measurement
    },
  }))
}

/** A scenario for each way to restore. An image that is missing is made before it is first used. */
export function restoreScenarios(ways: readonly Way[], setting: BenchSetting): readonly Scenario[] {
  return ways.flatMap((way) =>
    way.restores.map(({ name, restore }) => ({
      name: `${way.peer} ${name}, ${way.name}`,
      ...mostRoundsOf(way),
      measure: async () => {
        const path = join(directoryOf(way, setting), 'image')
        if (!existsSync(path)) await way.save(join(await emptyDirectoryOf(way, setting), 'image'))
        return restore(path)
      },
    })),
  )
}

/** The limit of rounds of a way, where it has one. */
export function mostRoundsOf({
  mostRounds,
}: Pick<Way, 'mostRounds'>): Pick<Scenario, 'mostRounds'> {
  return mostRounds === undefined ? {} : { mostRounds }
}

/** Removes all images that these ways have kept. */
export async function removeImages(ways: readonly Way[], setting: BenchSetting): Promise<void> {
  for (const way of ways) await rm(directoryOf(way, setting), { recursive: true, force: true })
}

async function emptyDirectoryOf(way: Way, setting: BenchSetting): Promise<string> {
  const directory = directoryOf(way, setting)
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory)
  return directory
}

function directoryOf(way: Way, { directory, ramBytes }: BenchSetting): string {
  const name = `${way.peer} ${way.name} ${ramBytes / 2 ** 30}`.replace(/[ ,+]+/g, '-')
  return join(directory, name)
}
