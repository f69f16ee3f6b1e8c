import { UsageError } from '../../errors.ts'
import type { SaveOptions } from '../save/save.ts'
import { type SaveSettings, resolveSaveOptions } from '../save/save-options.ts'

/** Options of a live save: those of a save. A bandwidth limit is refused, because the guest would wait for its own memory. */
export type LiveSaveOptions = SaveOptions

/**
 * Fills in the defaults of a request for a live save.
 * @throws UsageError BAD_ARGUMENT, BAD_COMBINATION
 */
export function resolveLiveOptions(options: SaveOptions): SaveSettings {
  const settings = resolveSaveOptions(options)
  if (options.maxBandwidth !== undefined)
    throw conflict('a bandwidth limit: the guest would wait for its own memory', 'maxBandwidth')
  if (settings.multifdCompression !== 'none')
    throw conflict('a compression by QEMU, which needs parallel channels', 'compression')
  return settings
}

function conflict(what: string, option: string): UsageError {
  return new UsageError('BAD_COMBINATION', `A live save does not support ${what}`, {
    hint: `Omit ${option}`,
  })
}
