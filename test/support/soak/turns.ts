import type { SaveOptions } from '../../../src/index.ts'
import { Random } from '../random.ts'

/** How one round saves and restores. */
export interface Turn {
  readonly name: string
  readonly save: Pick<SaveOptions, 'format' | 'compression'>
  /** Whether Stasis keeps the image, as a managed save. */
  readonly managed: boolean
  readonly mode: 'load' | 'map' | 'lazy'
}

const SAVES: readonly Turn['save'][] = [
  { format: 'stasis' },
  { format: 'stasis', compression: 'none' },
  { format: 'stasis', compression: 'zlib' },
  { format: 'channels' },
  { format: 'channels', compression: 'zstd' },
  { format: 'raw' },
  { format: 'gzip' },
  { format: 'zstd' },
  { format: 'lzop' },
  { format: 'xz' },
  { format: 'bzip2' },
]
/** Formats that QEMU itself writes. */
const SPARSE = { format: 'sparse' } as const
const MODES = ['load', 'map', 'lazy'] as const

/** All rounds in turn, each once, in an order that depends on the seed. */
export function turnsFor(qemuMajor: number, seed: number): readonly Turn[] {
  const saves = qemuMajor >= 9 ? [...SAVES, SPARSE] : SAVES
  const turns = saves.flatMap((save) =>
    MODES.flatMap((mode) =>
      [false, true].map((managed) => ({ name: nameOf(save, managed, mode), save, managed, mode })),
    ),
  )
  return new Random(seed).shuffled(turns)
}

function nameOf(save: Turn['save'], managed: boolean, mode: string): string {
  const { format = '', compression } = save
  const codec = compression === undefined ? '' : ` ${compression}`
  return `${managed ? 'managed ' : ''}${format}${codec}, ${mode}`
}
