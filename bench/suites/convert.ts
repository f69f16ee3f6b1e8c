import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openImageFile } from '../../src/image/opened-image.ts'
import { commandCost } from '../host/command-cost.ts'
import { flushImage } from '../host/files.ts'
import { checkout, stasisCommand } from '../peers/commands/stasis-commands.ts'
import type { Measurement, Scenario } from '../rounds/measurement.ts'
import type { BenchSetting } from '../setting.ts'
import { makeImages } from './make-images.ts'
import { type Suite, withoutEnd } from './suite.ts'

/** The images to convert; they have more than one member. */
const SOURCES = { zstd: ['--format', 'zstd'], gzip: ['--format', 'gzip'] } as const
const TARGETS = ['raw', 'sparse', 'stasis'] as const

/** The whole command `image-convert`, beside the usual tool that only decompresses, to nowhere. */
export const convertSuite: Suite = {
  ...{ rounds: 3, usesRam: true, images: () => 3 },
  about: 'the command image-convert, beside zstd -dc and gzip -dc; a round takes minutes',
  async open(setting) {
    const scenarios: Scenario[] = []
    for (const [source, path] of Object.entries(await makeImages(setting, SOURCES))) {
      scenarios.push({ name: `${source} -dc`, measure: () => decompress(path, source) })
      for (const target of TARGETS)
        scenarios.push({
          name: `stasis image-convert, ${source} to ${target}`,
          peer: `${source} -dc`,
          measure: () => convert(setting, path, target),
        })
    }
    return withoutEnd(scenarios)
  },
}

async function convert(
  { directory }: BenchSetting,
  path: string,
  target: string,
): Promise<Measurement> {
  const output = join(directory, 'converted')
  const env = { ...process.env, STASIS_STATE_DIR: join(directory, 'state') }
  const command = stasisCommand(checkout, 'image-convert', path, output, '--format', target)
  const cost = await commandCost(command, env)
  const flush = await flushImage(output)
  await rm(output)
  return {
    ...{ seconds: cost.wallMs / 1000 + flush.seconds, fileBytes: flush.fileBytes },
    ...{ processorSeconds: cost.processorMs / 1000, peakBytes: cost.peakBytes },
  }
}

async function decompress(path: string, tool: string): Promise<Measurement> {
  const { file, bodyOffset } = await openImageFile(path, { direct: false })
  await file.close()
  const pipe = `tail -c +${bodyOffset + 1} "$1" | ${tool} -dc > /dev/null`
  const { wallMs, processorMs } = await commandCost(['/bin/sh', '-c', pipe, 'sh', path])
  return { seconds: wallMs / 1000, processorSeconds: processorMs / 1000 }
}
