/**
 * The state of a domain, in virsh's words. Four are ours: `elsewhere` if another host has it, `memory lost` if the image that has a part of its memory is gone, `no state` if QEMU does
 * not answer, `unknown` if a state file of the domain is unreadable.
 */
export type DomainState =
  | 'running'
  | 'paused'
  | 'in shutdown'
  | 'crashed'
  | 'pmsuspended'
  | 'shut off'
  | 'memory lost'
  | 'elsewhere'
  | 'no state'
  | 'unknown'

/** The meaning of a `RunState` of QEMU (`query-status`, qapi/run-state.json of QEMU 11) for users. */
export function stateOfRunState(status: string): DomainState {
  switch (status) {
    case 'running':
      return 'running'
    case 'shutdown':
      return 'in shutdown'
    case 'guest-panicked':
    case 'internal-error':
      return 'crashed'
    case 'suspended':
      return 'pmsuspended'
    default:
      return 'paused'
  }
}

/** The state of a guest after it was resumed from a save image. */
export type ResumedState = 'running' | 'paused'
