import { UsageError } from '../../errors.ts'
import type { SaveOptions } from '../save/save.ts'
import { type SaveSettings, resolveSaveOptions } from '../save/save-options.ts'
import { LIVE_WAY_NAMES, type LiveWayName } from './live-way-name.ts'

/** Options of a live save: those of a save. A bandwidth limit is refused, because the guest would wait for its own memory. */
export interface LiveSaveOptions extends SaveOptions {
  /** The way to use. Default: the best that this guest, its QEMU and the host allow. */
  readonly way?: LiveWayName | undefined
  /**
   * `precopy` stops the guest after this time, in milliseconds, even if it writes faster than QEMU sends: then the pause is as long as the rest takes. Default:
   * a minute.
   */
  readonly timeoutMs?: number | undefined
}

const DEFAULT_TIMEOUT_MS = 60_000

/** A day. */
const MOST_TIMEOUT_MS = 86_400_000

/** The time limit of a request. @throws UsageError BAD_ARGUMENT */
export function resolveTimeout({
  timeoutMs = DEFAULT_TIMEOUT_MS,
}: Pick<LiveSaveOptions, 'timeoutMs'>): number {
  if (Number.isFinite(timeoutMs) && timeoutMs >= 0 && timeoutMs <= MOST_TIMEOUT_MS) return timeoutMs
  throw new UsageError(
    'BAD_ARGUMENT',
    `The time limit must be between 0 and a day, got ${timeoutMs} ms`,
  )
}

/**
 * Fills in the defaults of a request for a live save.
 * @throws UsageError BAD_ARGUMENT, BAD_COMBINATION
 */
export function resolveLiveOptions(options: LiveSaveOptions): SaveSettings {
  const settings = resolveSaveOptions(options)
  resolveTimeout(options)
  const { way } = options
  if (way !== undefined && !LIVE_WAY_NAMES.includes(way))
    throw new UsageError('BAD_ARGUMENT', `There is no way '${way}' to save a guest that runs`, {
      hint: `The ways are ${LIVE_WAY_NAMES.join(', ')}`,
    })
  if (options.maxBandwidth !== undefined)
    throw conflict('a bandwidth limit: the guest would wait for its own memory', 'maxBandwidth')
  if (settings.multifdCompression !== 'none')
    throw conflict('a compression by QEMU, which needs parallel channels', 'compression')
  return settings
}

/**
 * Refuses to freeze the file systems of a guest for a live save without its disks. They would be frozen until the guest runs again, or for ever if this
 * process is killed, and its disks would change after the moment of the image all the same.
 * @throws UsageError BAD_COMBINATION
 */
export function refuseQuiesce({ quiesce }: Pick<LiveSaveOptions, 'quiesce'>): void {
  if (quiesce !== true) return
  throw new UsageError(
    'BAD_COMBINATION',
    'A live save does not freeze file systems: the image has the memory of the guest, and not its disks',
    { hint: 'Omit quiesce. `stasis checkpoint --quiesce` keeps memory and disks of one instant' },
  )
}

function conflict(what: string, option: string): UsageError {
  return new UsageError('BAD_COMBINATION', `A live save does not support ${what}`, {
    hint: `Omit ${option}`,
  })
}
