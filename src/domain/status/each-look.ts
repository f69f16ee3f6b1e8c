import { setTimeout as delay } from 'node:timers/promises'

const LOOK_MS = 250

/** Looks four times a second until `signal` is aborted, and yields each look with the one before. `take` receives the look before. */
export async function* eachLook<Look>(
  take: (before: Look | undefined) => Promise<Look>,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly before: Look; readonly now: Look }, void, void> {
  let before = await take(undefined)
  for (;;) {
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined)
    if (signal?.aborted === true) return
    const now = await take(before)
    yield { before, now }
    before = now
  }
}
