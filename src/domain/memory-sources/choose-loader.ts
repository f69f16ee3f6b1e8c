import { InternalError } from '../../errors.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { considerLoad } from './load.ts'
import { considerOwnLoader } from './own-loader.ts'
import type { LoadedMachine, OpenLoader } from './source-choice.ts'
import { considerStreams } from './streams.ts'

/** Chooses how an image is loaded: by QEMU itself where it can, otherwise by the fastest way that the image offers. Acquires nothing. */
export function chooseLoader(image: SavedMachine, machine: LoadedMachine): OpenLoader {
  const open =
    considerOwnLoader(image, machine) ?? considerLoad(image, machine) ?? considerStreams(image)
  if (open !== undefined) return open
  throw new InternalError(`${image.path} has nothing to restore from`)
}
