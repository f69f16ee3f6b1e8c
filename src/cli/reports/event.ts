import type { LifecycleEvent } from '../../domain/status/events.ts'
import type { MachineEvent, MachineEventType } from '../../domain/status/machine-events.ts'
import { memoryAdvice } from '../../domain/status/memory-words.ts'

/** An event of any type. */
export type AnyEvent = LifecycleEvent | MachineEvent

const MACHINE_EVENTS: Readonly<Record<MachineEventType, true>> = {
  'io-error': true,
  'tray-change': true,
  'pm-wakeup': true,
  'pm-suspend': true,
  'balloon-change': true,
  'agent-lifecycle': true,
}

/** The types of events that `event` shows, under virsh's names. */
export const EVENT_TYPES: readonly string[] = ['lifecycle', ...Object.keys(MACHINE_EVENTS)]

/** Types of events that virsh has beside them (`virsh event --list` of libvirt 11.3). QEMU reports them only to the client of its monitor, and nothing that could be looked at remains. */
export const UNSEEN_EVENT_TYPES: readonly string[] = [
  'reboot',
  'rtc-change',
  'watchdog',
  'graphics',
  'io-error-reason',
  'control-error',
  'block-job',
  'disk-change',
  'pm-suspend-disk',
  'device-removed',
  'block-job-2',
  'tunable',
  'device-added',
  'migration-iteration',
  'job-completed',
  'device-removal-failed',
  'metadata-change',
  'block-threshold',
  'memory-failure',
  'memory-device-size-change',
  'nic-mac-change',
]

/** Whether `type` is that of an event of a machine. */
export function isMachineEventType(type: string): type is MachineEventType {
  return Object.hasOwn(MACHINE_EVENTS, type)
}

/** An event as virsh shows it. */
export function eventText(event: AnyEvent, timestamp: boolean): string {
  const text = isMachineEvent(event) ? machineText(event) : lifecycleText(event)
  return timestamp ? `${event.time}: ${text}` : text
}

function isMachineEvent(event: AnyEvent): event is MachineEvent {
  return isMachineEventType(event.event)
}

function lifecycleText({ domain, event, detail, postcopy }: LifecycleEvent): string {
  const advice = postcopy === undefined ? '' : `: ${memoryAdvice(postcopy, domain)}`
  return `event 'lifecycle' for domain '${domain}': ${event} ${detail}${advice}`
}

function machineText(event: MachineEvent): string {
  const start = `event '${event.event}' for domain '${event.domain}'`
  switch (event.event) {
    case 'balloon-change':
      return `${start}: ${event.memoryBytes / 1024}KiB`
    case 'tray-change':
      return `${start} disk ${event.device}: ${event.tray}`
    case 'io-error':
      return `${start}: ${event.path ?? ''} (${event.device}) pause`
    case 'agent-lifecycle':
      return `${start}: state: '${event.state}' reason: 'channel event'`
    case 'pm-suspend':
    case 'pm-wakeup':
      return start
  }
}
