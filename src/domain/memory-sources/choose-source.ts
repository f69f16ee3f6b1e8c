import type { SavedMachine } from '../../image/saved-machine.ts'
import { chooseLoader } from './choose-loader.ts'
import { MAP } from './map.ts'
import type { RestoreMode } from './memory-source.ts'
import { POSTCOPY } from './postcopy.ts'
import type { ComingMachine, InstantWay, OpenSource, SourceRequest } from './source-choice.ts'
import { refusalError } from './source-refusal.ts'

/** The chosen source. Nothing is acquired until it is opened. */
export interface ChosenSource {
  readonly mode: RestoreMode
  /** The reason for the choice, for people. */
  readonly why: string
  readonly open: OpenSource
}

/** The ways in which a guest does not wait for its memory, the better first. */
const INSTANT_WAYS: readonly InstantWay[] = [MAP, POSTCOPY]

/** Loading less than this takes no longer than the other ways take to start, and checks every checksum. */
const INSTANT_WORTH_BYTES = 128 * 1024 * 1024

const ASKED = 'it was asked for'

/**
 * Chooses how memory is restored. `auto` takes the first of map, lazy and load that image, QEMU and host allow and that is worthwhile; another mode
 * is taken or refused.
 * @throws ImageError IMAGE_INCOMPATIBLE, QemuError QEMU_LACKS_FEATURE when the requested mode is not possible
 */
export async function chooseSource(
  image: SavedMachine,
  machine: ComingMachine,
  request: SourceRequest,
): Promise<ChosenSource> {
  const { mode } = request
  const { backends } = machine
  const capabilities = machine.emulator.probed.migrationCapabilities
  const load = (why: string): ChosenSource => ({
    mode: 'load',
    why,
    open: chooseLoader(image, { backends, capabilities }),
  })
  if (machine.recorded !== undefined) return load('Stasis did not start its QEMU')
  if (mode === 'load') return load(ASKED)
  if (mode === 'auto' && isLittle(image)) return load('there is little memory to load')
  const refused: string[] = []
  for (const way of INSTANT_WAYS) {
    const requested = way.mode === mode
    if (!requested && mode !== 'auto') continue
    const found = await way.consider(image, machine, request)
    if (typeof found === 'function')
      return {
        mode: way.mode,
        why: requested ? ASKED : (way.why ?? refused.join('; ')),
        open: found,
      }
    if (requested) throw refusalError(image.path, way.how, found)
    refused.push(`no ${way.mode}: ${found.reason}`)
  }
  return load(refused.join('; '))
}

function isLittle({ pages }: SavedMachine): boolean {
  if (pages === undefined) return false
  let stored = 0
  for (let frame = 0; frame < pages.frameCount; frame += 1) stored += pages.storedLength(frame)
  return stored < INSTANT_WORTH_BYTES
}
