import { anySignal } from '../../io/any-signal.ts'
import { type LifecycleEvent, watchEvents } from '../../domain/status/events.ts'
import { integerBetween } from '../options/option-values.ts'
import type { Verb } from '../verb.ts'

interface Flags {
  readonly domain?: string
  readonly loop?: boolean
  readonly timeout?: number
  readonly timestamp?: boolean
}

/** `event` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .option('--domain <name>', 'only events of this domain')
      .option('--loop', 'continue after the first event, until the timeout or Ctrl-C')
      .option('--timeout <seconds>', 'how long to wait', integerBetween(1, 31_536_000))
      .option('--timestamp', 'show when each event was seen'),
  looks: true,
  example: 'stasis event --loop --timeout 60',
  run: async (_args, flags, { directories, signal, json, output }) => {
    const { domain, loop, timeout } = flags
    const limit = timeout === undefined ? undefined : AbortSignal.timeout(timeout * 1000)
    let count = 0
    const until = anySignal(signal, limit)
    for await (const event of watchEvents({ ...directories, domain, signal: until })) {
      count += 1
      if (json) output.json({ type: 'event', ...event })
      else output.result(line(event, flags.timestamp === true))
      // The reader has gone (`stasis event --loop | head -1`).
      if (loop !== true || !output.isRead) break
    }
    if (!json && output.isRead) output.note(`events received: ${count}`)
    return undefined
  },
}

function line({ domain, event, detail, time }: LifecycleEvent, timestamp: boolean): string {
  const text = `event 'lifecycle' for domain '${domain}': ${event} ${detail}`
  return timestamp ? `${time}: ${text}` : text
}
