import type { OnProgress } from './progress.ts'

/** An act under way: iterate it for its progress, await `result` for its end. */
export interface Followed<Progress, Result> extends AsyncIterable<Progress> {
  readonly result: Promise<Result>
}

/**
 * Starts an act that takes `onProgress` and gives its progress as an async iterable, which ends with the act. A slow reader
 * skips what is outdated. A failure of the act is thrown both by the iteration and by `result`.
 *
 *     const save = follow((onProgress) => saveDomain('web', '/backup/web.save', { onProgress }))
 *     for await (const progress of save) console.log(progress.phase)
 *     const image = await save.result
 */
export function follow<Progress, Result>(
  start: (onProgress: OnProgress<Progress>) => Promise<Result>,
): Followed<Progress, Result> {
  let latest: { readonly progress: Progress } | undefined
  let wake = Promise.withResolvers<void>()
  let ended = false
  const signalChange = (): void => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  const result = start((progress) => {
    latest = { progress }
    signalChange()
  }).finally(() => {
    ended = true
    signalChange()
  })
  // Whoever only iterates meets the failure there; it must not count as unhandled here.
  result.catch(() => undefined)
  return {
    result,
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const changed = wake.promise
        if (latest !== undefined) {
          const { progress } = latest
          latest = undefined
          yield progress
        } else if (ended) {
          await result
          return
        } else {
          await changed
        }
      }
    },
  }
}
