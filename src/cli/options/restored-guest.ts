import type { Command } from 'commander'
import type { RestoreOptions } from '../../domain/restore/restore-request.ts'

/** The options as commander names them. */
export type RestoredGuestFlags = Pick<RestoreOptions, 'syncTime' | 'newGenid' | 'resetNvram'>

/** Adds the options for changes that a restored guest notices. */
export function declareRestoredGuest(command: Command): Command {
  return command
    .option('--sync-time', "set the guest's clock through the guest agent once the guest runs")
    .option('--new-genid', 'give the guest a new generation id, if it has one')
    .option('--reset-nvram', 'make the UEFI variable store anew from its template')
}

/** The options of a restore, from the flags. */
export function restoredGuestOf({
  syncTime,
  newGenid,
  resetNvram,
}: RestoredGuestFlags): RestoredGuestFlags {
  return { syncTime, newGenid, resetNvram }
}
