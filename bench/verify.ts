import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { costOf } from './child-cost.ts'
import { makeImage } from './convert.ts'
import type { Measurement, Scenario } from './rounds.ts'
import type { BenchSetting } from './setting.ts'

/** An image to verify. */
interface VerifyImage {
  readonly name: string
  readonly path: string
  readonly fileBytes: number
}

const IMAGES = [
  { name: 'stasis, zstd', format: 'stasis', codec: 'zstd' },
  { name: 'stasis, uncompressed', format: 'stasis', codec: 'none' },
  { name: 'raw', format: 'raw', codec: 'none' },
  { name: 'zstd', format: 'zstd', codec: 'none' },
] as const

// As the package runs it.
const stasis = [process.execPath, join(import.meta.dirname, '../.bundle/entry.cjs')]

/** Writes the images to verify, of a machine with nothing but RAM. */
export async function makeVerifyImages(setting: BenchSetting): Promise<readonly VerifyImage[]> {
  const images: VerifyImage[] = []
  for (const image of IMAGES) {
    const path = await makeImage(setting, { ...image, name: image.name.replace(', ', '-') })
    images.push({ name: image.name, path, fileBytes: (await stat(path)).size })
  }
  // The first command makes the bundles, and the verb keeps its code.
  const [first] = images
  if (first !== undefined)
    costOf([join(import.meta.dirname, '../bin/stasis'), 'image-verify', first.path])
  return images
}

/** The whole command `image-verify`, beside reading the same file past the page cache with the usual tool. */
export function verifyScenarios(images: readonly VerifyImage[]): readonly Scenario[] {
  return images.flatMap((image) => [
    {
      name: `dd ${image.name}`,
      measure: () =>
        measure(image, ['dd', `if=${image.path}`, 'of=/dev/null', 'iflag=direct', 'bs=4M']),
    },
    {
      name: `verify ${image.name}`,
      measure: () => measure(image, [...stasis, 'image-verify', image.path]),
    },
  ])
}

async function measure(
  { fileBytes }: VerifyImage,
  command: readonly string[],
): Promise<Measurement> {
  const { processorMs, wallMs } = costOf(command)
  return Promise.resolve({
    ...{ seconds: wallMs / 1000, processorSeconds: processorMs / 1000 },
    ...{ fileBytes, qemuProcessorSeconds: 0 },
  })
}
