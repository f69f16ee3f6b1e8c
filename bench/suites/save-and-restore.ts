import { allWays, imagesOfWays } from '../peers/all-ways.ts'
import { removeImages, restoreScenarios, saveScenarios } from '../peers/way.ts'
import type { Suite } from './suite.ts'

/** Whole saves of a guest that runs, until the image is durable. */
export const saveSuite: Suite = {
  ...{ rounds: 3, usesRam: true, images: imagesOfWays },
  about: 'saves a running guest in every way, until the image is durable',
  async open(setting) {
    const all = await allWays(setting)
    return {
      scenarios: saveScenarios(all.ways, setting),
      [Symbol.asyncDispose]: () => all[Symbol.asyncDispose](),
    }
  },
}

/** Whole restores with a cold page cache, until the guest runs. */
export const restoreSuite: Suite = {
  ...{ rounds: 3, usesRam: true, images: imagesOfWays },
  about: 'restores a guest in every way, with a cold page cache, until it runs',
  async open(setting) {
    const all = await allWays(setting)
    return {
      scenarios: restoreScenarios(all.ways, setting),
      async [Symbol.asyncDispose]() {
        await removeImages(all.ways, setting)
        await all[Symbol.asyncDispose]()
      },
    }
  },
}
