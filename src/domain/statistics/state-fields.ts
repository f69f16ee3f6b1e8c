import type { DomainState } from '../machine/domain-state.ts'
import type { StateWithReason } from '../status/state-reason.ts'
import type { Fields } from './fields.ts'

/** libvirt's numbers of states (`virDomainState`, libvirt-domain.h). */
const STATES: Readonly<Partial<Record<DomainState, number>>> = {
  running: 1,
  paused: 3,
  'in shutdown': 4,
  'shut off': 5,
  crashed: 6,
  pmsuspended: 7,
}

/** libvirt's numbers of reasons, by state (`virDomainRunningReason` and others). */
const REASONS: Readonly<Partial<Record<DomainState, Readonly<Record<string, number>>>>> = {
  running: { booted: 1, restored: 3, 'save canceled': 7 },
  paused: {
    user: 1,
    saving: 3,
    'save interrupted': 3,
    'I/O error': 5,
    watchdog: 6,
    crashed: 10,
    'starting up': 11,
  },
  'shut off': { shutdown: 1, destroyed: 2, crashed: 3, saved: 5, failed: 6 },
}

/** The state of a domain in libvirt's numbers. */
export function stateFields({ state, reason }: StateWithReason): Fields {
  return {
    'state.state': STATES[state] ?? 0,
    'state.reason': REASONS[state]?.[reason] ?? 0,
  }
}
