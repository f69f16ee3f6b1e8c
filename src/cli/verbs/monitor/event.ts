import { anySignal } from '../../../io/any-signal.ts'
import { watchEvents } from '../../../domain/status/events.ts'
import { watchMachineEvents } from '../../../domain/status/machine-events.ts'
import { identifyDomain } from '../../../domain/status/identify.ts'
import { DomainError, UsageError } from '../../../errors.ts'
import { integerBetween } from '../../options/option-values.ts'
import {
  type AnyEvent,
  EVENT_TYPES,
  UNSEEN_EVENT_TYPES,
  eventText,
  isMachineEventType,
} from '../../reports/event.ts'
import { merged } from '../../../io/merged.ts'
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

/** `event [DOMAIN]` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('[domain]', 'only events of this domain')
      .option('--event <type>', 'the type of the events (default: lifecycle)')
      .option('--all', 'events of every type')
      .option('--list', 'list the types')
      .option('--loop', 'continue after the first event, until the timeout or Ctrl-C')
      .option('--timeout <seconds>', 'how long to wait', integerBetween(1, 31_536_000))
      .option('--timestamp', 'show when each event was seen'),
  looks: true,
  example: 'stasis event --loop --timeout 60',
  run: async ([reference], flags, { directories, signal, json, output }) => {
    if (flags.list === true)
      return { text: EVENT_TYPES.join('\n'), json: { type: 'result', types: EVENT_TYPES } }
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
    try {
      for await (const event of eventsOf(flags, { ...directories, domain, signal: stop })) {
        count += 1
        if (json) output.json({ type: 'event', ...event })
        else output.result(eventText(event, flags.timestamp === true))
        if (loop !== true || !output.isRead) break
      }
    } finally {
      until.abort()
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

/** The events of the types that were asked for. */
function eventsOf(
  { event = 'lifecycle', all }: Flags,
  options: Parameters<typeof watchEvents>[0],
): AsyncGenerator<AnyEvent> {
  if (all === true) return merged<AnyEvent>(watchEvents(options), watchMachineEvents(options))
  if (isMachineEventType(event)) return watchMachineEvents({ ...options, types: [event] })
  return watchEvents(options)
}

/** @throws UsageError */
function checkTypes({ event, all }: Flags): void {
  if (event !== undefined && all === true)
    throw new UsageError('BAD_COMBINATION', 'Options --all and --event are mutually exclusive')
  if (event === undefined || EVENT_TYPES.includes(event)) return
  const hint = '`stasis event --list` shows the types that it sees'
  if (!UNSEEN_EVENT_TYPES.includes(event))
    throw new UsageError('BAD_ARGUMENT', `There are no events of the type '${event}'`, { hint })
  throw new UsageError(
    'BAD_ARGUMENT',
    `Stasis does not see events of the type '${event}': no daemon of Stasis listens to QEMU`,
    { hint },
  )
}
