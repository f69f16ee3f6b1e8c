import { type ErrorFacts, ImageError, QemuError, type StasisError } from '../../errors.ts'
import { FORMATS } from '../../image/format-table.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { memoryBackends } from '../../qemu/command-line/memory.ts'
import { type LinearPart, MappedMemory } from '../machine/mapped-memory.ts'
import type { RestorePlan } from './restore-plan.ts'

/**
 * How memory comes back: `load` puts all of it in before the guest runs; `map` makes the file the guest's memory; `lazy` lets the
 * guest run and brings each page when it is touched, the others in the background.
 */
export type RestoreMode = 'map' | 'lazy' | 'load'

/** The mode that was chosen, with what it needs. */
export type ChosenMode = { readonly why: string } & (
  | { readonly mode: 'map'; readonly memory: MappedMemory }
  | { readonly mode: 'lazy' | 'load' }
)

/** Less than this is loaded in the time that the other ways take to get going, and every checksum is checked then. */
const INSTANT_WORTH_BYTES = 128 * 1024 * 1024

/** What choosing depends on beside image and machine. */
export interface ModeChoice {
  readonly asked: RestoreMode | 'auto'
  /** Raw copies of the image's RAM blocks, when it is in the cache. */
  readonly cached: readonly LinearPart[] | undefined
  /** Whether pages can be brought on demand here: why not, in words, or `undefined`. */
  readonly postcopyObstacle: () => Promise<string | undefined>
}

/**
 * Picks the way to restore. `auto` takes map, lazy, load in this order, the first that image, QEMU and host allow and that is worth
 * it; another mode is taken or refused.
 * @throws ImageError IMAGE_INCOMPATIBLE, QemuError QEMU_LACKS_FEATURE when the mode that was asked for is not possible
 */
export async function chooseMode(
  image: SavedMachine,
  plan: RestorePlan,
  choice: ModeChoice,
): Promise<ChosenMode> {
  const { asked } = choice
  if (asked === 'load') return { mode: 'load', why: 'it was asked for' }
  if (asked === 'auto') {
    const stored = storedBytes(image)
    if (stored !== undefined && stored < INSTANT_WORTH_BYTES)
      return { mode: 'load', why: 'there is little memory to load' }
  }
  // A mapped page is never compared with its checksum: an image that has them is mapped only when that is asked for.
  const inPlace = asked === 'map' || !FORMATS[image.format].traits.checksummedPages
  const notMapped =
    asked === 'lazy'
      ? 'lazy was asked for'
      : tryMap(image, plan, { inPlace, cached: choice.cached })
  if (typeof notMapped !== 'string') {
    const why = asked === 'map' ? 'it was asked for' : 'the memory lies uncompressed in a file'
    return { mode: 'map', why, memory: notMapped }
  }
  if (asked === 'map') throw refusal(image, 'mapped', notMapped)
  const postcopyRefused = postcopyUnfit(image, plan.domain) ?? (await choice.postcopyObstacle())
  if (postcopyRefused === undefined) {
    return { mode: 'lazy', why: asked === 'lazy' ? 'it was asked for' : `no map: ${notMapped}` }
  }
  if (asked === 'lazy') throw postcopyRefusal(image, postcopyRefused)
  return { mode: 'load', why: `no map: ${notMapped}; no lazy: ${postcopyRefused}` }
}

function tryMap(
  image: SavedMachine,
  plan: RestorePlan,
  from: { readonly inPlace: boolean; readonly cached: readonly LinearPart[] | undefined },
): MappedMemory | string {
  const unfit = backingUnfit(plan.domain)
  if (unfit !== undefined) return unfit
  if (plan.domain.memoryBacking.hugepages !== undefined) return 'the domain asks for huge pages'
  const shared = memoryBackends(plan.domain).some(
    ({ cell }) => (cell?.access ?? plan.domain.memoryBacking.access) === 'shared',
  )
  if (shared) return 'the domain asks for memory that other processes share'
  const linear = linearParts(image, plan)
  const parts = (from.inPlace ? linear : undefined) ?? fitting(from.cached, plan)
  if (parts === undefined)
    return linear === undefined ? whyNotLinear(image) : 'its checksums would not be checked'
  const { version } = plan.emulator
  return MappedMemory.open(parts, { version, balloon: plan.domain.balloon !== undefined })
}

/** Where the RAM of each backend lies in the image; `undefined` when it does not lie there as it is. */
function linearParts(image: SavedMachine, plan: RestorePlan): readonly LinearPart[] | undefined {
  const parts = plan.backends.map(({ id, length }) => {
    const block = image.pages?.blocks.find(({ name }) => name === id)
    const offset = block?.linearOffset
    return offset === undefined || block?.length !== length
      ? undefined
      : { id, path: image.path, offset, length }
  })
  return parts.every((part) => part !== undefined) ? parts : undefined
}

/** The cached parts in the order of the backends, if there is one of the right length for each. */
function fitting(
  cached: readonly LinearPart[] | undefined,
  plan: RestorePlan,
): readonly LinearPart[] | undefined {
  const parts = plan.backends.map(({ id, length }) =>
    cached?.find((part) => part.id === id && part.length === length),
  )
  return parts.every((part) => part !== undefined) ? parts : undefined
}

function whyNotLinear(image: SavedMachine): string {
  return image.pages === undefined
    ? `an image of format ${image.format} is one stream`
    : 'the image is compressed and not in the cache'
}

function postcopyUnfit(image: SavedMachine, domain: Domain): string | undefined {
  if (image.pages === undefined || image.deviceState === undefined)
    return `pages of an image of format ${image.format} cannot be read one by one`
  return backingUnfit(domain)
}

function backingUnfit({ memoryBacking }: Domain): string | undefined {
  if (memoryBacking.immediate) return 'the domain asks for all of its memory at its start'
  if (memoryBacking.locked) return 'the domain asks for locked memory'
  return undefined
}

function storedBytes({ pages }: SavedMachine): number | undefined {
  if (pages === undefined) return undefined
  let sum = 0
  for (let frame = 0; frame < pages.frameCount; frame += 1) sum += pages.storedLength(frame)
  return sum
}

/** The error for an image whose pages cannot be brought on demand. */
export function postcopyRefusal(image: SavedMachine, why: string): StasisError {
  return refusal(image, 'brought on demand', why)
}

function refusal(image: SavedMachine, how: string, why: string): StasisError {
  const text = `The memory in ${image.path} cannot be ${how}: ${why}`
  const facts: ErrorFacts = {
    path: image.path,
    hint: 'Leave out --mode, or restore with --mode load',
  }
  return why.startsWith('QEMU') || why.includes('serfaultfd')
    ? new QemuError('QEMU_LACKS_FEATURE', text, facts)
    : new ImageError('IMAGE_INCOMPATIBLE', text, facts)
}
