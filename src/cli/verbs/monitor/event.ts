import { anySignal } from '../../../io/any-signal.ts'
import { type LifecycleEvent, watchEvents } from '../../../domain/status/events.ts'
import { identifyDomain } from '../../../domain/status/identify.ts'
import { DomainError, UsageError } from '../../../errors.ts'
import { memoryAdvice } from '../../../domain/status/memory-words.ts'
import { integerBetween } from '../../options/option-values.ts'
import { watchReader } from '../../terminal/reader-watch.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly event?: string
  readonly all?: boolean
  readonly list?: boolean
  readonly loop?: boolean
  readonly timeout?: number
  readonly timestamp?: boolean
}

/** The types of events that a look at the domains shows. QEMU reports others only to the client of its monitor. */
const TYPES: readonly string[] = ['lifecycle']

/** `event [DOMAIN]` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('[domain]', 'only events of this domain')
      .option('--event <type>', 'the type of the events: lifecycle (the default)')
      .option('--all', 'events of every type')
      .option('--list', 'list the types')
      .option('--loop', 'continue after the first event, until the timeout or Ctrl-C')
      .option('--timeout <seconds>', 'how long to wait', integerBetween(1, 31_536_000))
      .option('--timestamp', 'show when each event was seen'),
  looks: true,
  example: 'stasis event --loop --timeout 60',
  run: async ([reference], flags, { directories, signal, json, output }) => {
    if (flags.list === true)
      return { text: TYPES.join('\n'), json: { type: 'result', types: TYPES } }
    checkTypes(flags)
    const domain =
      reference === undefined
        ? undefined
        : (await identifyDomain(reference, { ...directories, signal })).name
    const { loop, timeout } = flags
    const limit = timeout === undefined ? undefined : AbortSignal.timeout(timeout * 1000)
    const until = new AbortController()
    const stop = anySignal(signal, limit, until.signal)
    using _reader = watchReader(output, () => until.abort())
    let count = 0
    for await (const event of watchEvents({ ...directories, domain, signal: stop })) {
      count += 1
      if (json) output.json({ type: 'event', ...event })
      else output.result(line(event, flags.timestamp === true))
      if (loop !== true || !output.isRead) break
    }
    if (!output.isRead) return undefined
    const interrupted = signal.aborted
    const late = limit?.aborted === true && !interrupted
    if (!json) {
      if (interrupted) output.result('event loop interrupted')
      else if (late) output.result('event loop timed out')
      output.result(`events received: ${count}`)
    }
    if (count === 0 && !interrupted)
      throw new DomainError('DOMAIN_NO_EVENT', `There was no event within ${timeout} s`)
    return undefined
  },
}

/** @throws UsageError */
function checkTypes({ event, all }: Flags): void {
  if (event !== undefined && all === true)
    throw new UsageError('BAD_COMBINATION', 'Options --all and --event are mutually exclusive')
  if (event === undefined || TYPES.includes(event)) return
  throw new UsageError('BAD_ARGUMENT', `There are no events of the type '${event}'`, {
    hint: 'Stasis has no daemon that listens to QEMU: `stasis event --list` shows what it sees',
  })
}

function line(
  { domain, event, detail, postcopy, time }: LifecycleEvent,
  timestamp: boolean,
): string {
  const text = `event 'lifecycle' for domain '${domain}': ${event} ${detail}${postcopy === undefined ? '' : `: ${memoryAdvice(postcopy, domain)}`}`
  return timestamp ? `${time}: ${text}` : text
}
