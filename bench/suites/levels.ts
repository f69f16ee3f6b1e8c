import { stasisWays } from '../peers/commands/stasis-ways.ts'
import { saveScenarios } from '../peers/way.ts'
import { type Suite, withoutEnd } from './suite.ts'

const LEVELS: readonly (readonly [codec: string, level?: string])[] = [
  ['none'],
  ...['adaptive', '-5', '1', '3', '6', '12'].map((level) => ['zstd', level] as const),
  ...['adaptive', '1', '6'].map((level) => ['zlib', level] as const),
]

/** The time and the size of each codec and level of the format `stasis`. */
export const levelsSuite: Suite = {
  ...{ rounds: 2, usesRam: true, images: () => 1 },
  about: 'saves with each codec and several levels',
  async open(setting) {
    const options = LEVELS.map(([codec, level]) => ({
      name: [codec, level].filter(Boolean).join(' '),
      save: [
        ...['--parallel-compression', codec],
        ...(level === undefined ? [] : [`--compression-level=${level}`]),
      ],
      restores: {},
    }))
    return withoutEnd(saveScenarios(await stasisWays(setting, options), setting))
  },
}
