import { stat } from 'node:fs/promises'
import { checkout, stasisCommand } from '../peers/commands/stasis-commands.ts'
import { commandCost } from '../host/command-cost.ts'
import type { Measurement, Scenario } from '../rounds/measurement.ts'
import { makeImages } from './make-images.ts'
import { type Suite, withoutEnd } from './suite.ts'

const IMAGES = {
  'stasis, zstd': ['--parallel-compression', 'zstd'],
  'stasis, uncompressed': ['--parallel-compression', 'none'],
  raw: ['--format', 'raw'],
  zstd: ['--format', 'zstd'],
} as const

/** The whole command `image-verify`, beside reading the same file past the page cache with the usual tool. */
export const verifySuite: Suite = {
  ...{ rounds: 3, usesRam: true, images: () => Object.keys(IMAGES).length },
  about: 'the command image-verify, beside dd with O_DIRECT',
  async open(setting) {
    const scenarios: Scenario[] = []
    for (const [name, path] of Object.entries(await makeImages(setting, IMAGES))) {
      const { size } = await stat(path)
      const dd = ['dd', `if=${path}`, 'of=/dev/null', 'iflag=direct', 'bs=4M']
      const verify = stasisCommand(checkout, 'image-verify', path)
      scenarios.push(
        { name: `dd ${name}`, measure: () => measure(size, dd) },
        { name: `verify ${name}`, peer: `dd ${name}`, measure: () => measure(size, verify) },
      )
    }
    return withoutEnd(scenarios)
  },
}

async function measure(fileBytes: number, command: readonly string[]): Promise<Measurement> {
  const { processorMs, wallMs, peakBytes } = await commandCost(command)
  return { seconds: wallMs / 1000, processorSeconds: processorMs / 1000, fileBytes, peakBytes }
}
