import { DomainXmlError } from '../../../errors.ts'
import type { Clock } from '../../domain-xml/model/board/clock.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import type { CommandLineOptions } from '../options.ts'

const TRACKS = { guest: 'vm', wall: 'host', realtime: 'rt' } as const

/** `-rtc` and the timers that are not part of `-cpu` or `-machine`. */
export function clockArguments(domain: Domain, options: CommandLineOptions): readonly string[] {
  const { clock } = domain
  const rtc = clock.timers.find((timer) => timer.name === 'rtc')
  const parts = [
    `base=${base(clock, options.now ?? new Date())}`,
    ...(rtc?.track === undefined ? [] : [`clock=${TRACKS[rtc.track]}`]),
    ...(rtc?.tickPolicy === 'catchup' ? ['driftfix=slew'] : []),
  ]
  return ['-rtc', parts.join(','), ...clock.timers.flatMap(pit)]
}

/** The time zone of the guest's clock, as an environment variable for QEMU. */
export function clockEnvironment(domain: Domain): Readonly<Record<string, string>> {
  const { offset, timezone } = domain.clock
  return offset === 'timezone' && timezone !== undefined ? { TZ: timezone } : {}
}

function base(clock: Clock, now: Date): string {
  switch (clock.offset) {
    case 'utc':
      return 'utc'
    case 'localtime':
    case 'timezone':
      return 'localtime'
    case 'variable': {
      const zone = clock.basis === 'localtime' ? -now.getTimezoneOffset() * 60 : 0
      return iso(now.getTime() / 1000 + clock.adjustmentSeconds + zone)
    }
    case 'absolute':
      if (clock.startSeconds === undefined) {
        throw new DomainXmlError('XML_INVALID', '/domain/clock: the attribute "start" is missing')
      }
      return iso(clock.startSeconds)
  }
}

function iso(seconds: number): string {
  const date = new Date(seconds * 1000)
  if (Number.isNaN(date.getTime())) {
    throw new DomainXmlError('XML_INVALID', `/domain/clock: ${seconds} is not a time`)
  }
  return date.toISOString().slice(0, 19)
}

/** KVM's own timer: QEMU catches up lost ticks by default, libvirt does not. */
function pit({ name, tickPolicy }: Clock['timers'][number]): readonly string[] {
  if (name !== 'pit') return []
  if (tickPolicy === 'catchup') return []
  if (tickPolicy === 'merge') {
    throw new DomainXmlError(
      'XML_UNSUPPORTED',
      '/domain/clock/timer: QEMU cannot merge ticks of the PIT',
    )
  }
  return ['-global', `kvm-pit.lost_tick_policy=${tickPolicy === 'discard' ? 'discard' : 'delay'}`]
}
