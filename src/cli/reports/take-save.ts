import { checkLive } from '../../domain/live/check-live.ts'
import type { LiveSaveOptions } from '../../domain/live/live-options.ts'
import type { LiveSaveResult } from '../../domain/live/live-result.ts'
import { checkSave } from '../../domain/save/check-save.ts'
import type { SaveOptions, SaveResult } from '../../domain/save/save.ts'
import { type SaveFlags, isLive, saveOptions } from '../options/save.ts'
import { saveCheckReport } from './save-check.ts'
import { saveReport } from './save.ts'
import { ProgressDisplay } from '../terminal/progress-display.ts'
import type { Answer, Invocation } from '../verb.ts'

/** Where a verb saves a domain, and how. The texts are the first lines of its reports. */
export interface SaveAct {
  /** The image; `undefined` for a managed save. */
  readonly file: string | undefined
  readonly save: (options: SaveOptions) => Promise<SaveResult>
  readonly saveLive: (options: LiveSaveOptions) => Promise<LiveSaveResult>
  readonly text: (name: string) => string
  readonly liveText: (name: string) => string
}

/** Does what the flags of `save` and `managedsave` ask for: a check, a save from which the guest continues, or one that stops it. */
export async function takeSave(
  domain: string,
  act: SaveAct,
  flags: SaveFlags,
  invocation: Invocation,
): Promise<Answer> {
  const { directories, signal, output } = invocation
  const options = { ...directories, ...(await saveOptions(flags, signal)), signal }
  if (flags.check === true) {
    const check = isLive(flags) ? checkLive : checkSave
    return saveCheckReport(await check(domain, act.file, options), output)
  }
  using display = new ProgressDisplay(invocation)
  const work = { ...options, onProgress: display.show }
  const [result, text] = isLive(flags)
    ? [await act.saveLive(work), act.liveText]
    : [await act.save(work), act.text]
  return saveReport(result, { verbose: flags.verbose === true, output, text: text(result.name) })
}
