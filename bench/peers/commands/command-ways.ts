import { evictImage, flushImage } from '../../host/files.ts'
import { prepareHostMemory } from '../../host/host-memory.ts'
import type { Measurement } from '../../rounds/measurement.ts'
import type { BenchSetting } from '../../setting.ts'
import { type Way, mostRoundsOf } from '../way.ts'
import type { BenchGuest, GuestCost } from './bench-guest.ts'

/** The options of a way to save, and those of the ways to restore. */
export interface WayOptions {
  readonly name: string
  readonly save: readonly string[]
  readonly restores: Readonly<Record<string, readonly string[]>>
  readonly mostRounds?: number
}

/** What the program itself says about a command. */
export type OwnFigures = (cost: GuestCost) => Partial<Measurement>

/** A way whose saves and restores are whole commands. */
export function commandWay(
  setting: BenchSetting,
  guest: BenchGuest,
  options: WayOptions,
  own: { readonly save: OwnFigures; readonly restore: OwnFigures },
): Way {
  return {
    peer: guest.commands.label,
    name: options.name,
    ...mostRoundsOf(options),
    async save(path) {
      await guest.start()
      prepareHostMemory(setting.ramBytes / 4)
      const cost = await guest.save(path, ...options.save)
      const flush = await flushImage(path)
      const figures = own.save(cost)
      return {
        ...figuresOf(cost),
        ...figures,
        seconds: cost.wallMs / 1000 + flush.seconds,
        fileBytes: flush.fileBytes,
        ...(cost.downtimeSeconds === undefined
          ? {}
          : { downtimeSeconds: cost.downtimeSeconds + flush.seconds }),
      }
    },
    restores: Object.entries(options.restores).map(([name, args]) => ({
      name,
      async restore(path) {
        await evictImage(path)
        prepareHostMemory(setting.ramBytes)
        const cost = await guest.restore(path, ...args)
        return {
          ...figuresOf(cost),
          ...own.restore(cost),
          outputSeconds: (cost.outputMs ?? 0) / 1000,
        }
      },
    })),
  }
}

function figuresOf(cost: GuestCost): Measurement {
  return {
    seconds: cost.wallMs / 1000,
    processorSeconds: cost.processorMs / 1000,
    qemuProcessorSeconds: cost.qemuSeconds,
    peakBytes: cost.peakBytes,
  }
}
