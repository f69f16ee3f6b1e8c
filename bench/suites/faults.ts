import { AnsweringChild } from '../host/answering-child.ts'
import { evictImage } from '../host/files.ts'
import { prepareHostMemory } from '../host/host-memory.ts'
import { checkout, stasisGuest } from '../peers/commands/stasis-commands.ts'
import { FAULT_PROGRAM, type FaultPace, faultTimes } from '../peers/lazy/fault-times.ts'
import type { Measurement } from '../rounds/measurement.ts'
import { median, quantile } from '../rounds/statistics.ts'
import { makeImages } from './make-images.ts'
import { type Suite, withoutEnd } from './suite.ts'

const IMAGES = {
  uncompressed: ['--parallel-compression', 'none'],
  'zstd adaptive': ['--parallel-compression', 'zstd'],
} as const

/** The page server fills the memory when nobody has asked for a page for 100 ms, and for 100 ms every two seconds when somebody always asks. */
const PACES: Readonly<Record<string, FaultPace>> = {
  'one fault after the other': { most: 3000, gapMs: 0, forMs: 4000 },
  'faults while the fill runs': { most: 150, gapMs: 140, forMs: 15_000 },
}

/** How long a guest waits for a page that has not arrived. */
export const faultsSuite: Suite = {
  ...{ rounds: 1, usesRam: true, images: () => Object.keys(IMAGES).length },
  about: 'single reads of pages that a lazy restore has not loaded, from outside the guest',
  async open(setting) {
    const guest = await stasisGuest(setting, checkout, 'stasis')
    const paths = await makeImages(setting, IMAGES, guest)
    const restore = async (path: string, pace: FaultPace): Promise<Measurement> => {
      await evictImage(path)
      prepareHostMemory(setting.ramBytes)
      using reader = await AnsweringChild.start(FAULT_PROGRAM, [])
      const args = ['--mode', 'lazy']
      const { cost, result } = await guest.restoreAnd(path, args, (qemu) =>
        faultTimes(reader, { qemu, setting }, pace),
      )
      const { missingMs, presentMs } = result
      if (!(median(presentMs) < median(missingMs) / 2))
        throw new Error('the second read of a page took as long as the first: it was no fault')
      return {
        seconds: cost.wallMs / 1000,
        faults: missingMs.length,
        faultSeconds: median(missingMs) / 1000,
        rareFaultSeconds: quantile(missingMs, 0.99) / 1000,
        slowestFaultSeconds: Math.max(...missingMs) / 1000,
        presentSeconds: median(presentMs) / 1000,
      }
    }
    return withoutEnd(
      Object.entries(paths).flatMap(([name, path]) =>
        Object.entries(PACES).map(([pace, how]) => ({
          name: `stasis lazy, ${name}, ${pace}`,
          measure: () => restore(path, how),
        })),
      ),
    )
  },
}
