import type { TempDir } from './temp-dir.ts'

/** Processes that are killed, in this order; `command` is the act's own. */
export type Victim =
  | 'command'
  | 'watcher'
  | 'watcher, command'
  | 'command, watcher'
  | 'QEMU'
  | 'QEMU, command'
  | 'command, QEMU'
  | 'page server'
  | 'supervisor'

/** Something that is done to the domain `tiny`, and which of its processes are killed meanwhile. */
export interface KillAct {
  readonly name: string
  /** The state that it needs; in `running` an older image is at its destination. */
  readonly from: 'running' | 'saved' | 'managed'
  readonly argv: (dir: TempDir) => readonly string[]
  readonly victims: readonly Victim[]
  /** The oldest QEMU that can do it. */
  readonly major?: number
  /** Whether it moves the guest; otherwise it only writes files. */
  readonly kind: 'save' | 'live' | 'restore' | 'convert' | 'record'
}

const SAVING: readonly Victim[] = [
  'command',
  'watcher',
  'watcher, command',
  'command, watcher',
  'QEMU',
  'QEMU, command',
]

const RESTORING: readonly Victim[] = ['command', 'QEMU', 'command, QEMU', 'QEMU, command']

/** All acts. */
export const KILL_ACTS: readonly KillAct[] = [
  ...['stasis', 'channels', 'raw', 'zstd', 'sparse'].map((format): KillAct => ({
    name: `save ${format}`,
    from: 'running',
    argv: (dir) => ['save', 'tiny', dir.join('image'), '--format', format],
    victims: SAVING,
    major: format === 'sparse' ? 9 : 0,
    kind: 'save',
  })),
  ...['stasis', 'raw'].map((format): KillAct => ({
    name: `live save ${format}`,
    from: 'running',
    argv: (dir) => ['save', 'tiny', dir.join('image'), '--live', '--format', format],
    victims: SAVING,
    kind: 'live',
  })),
  {
    name: 'live save by precopy',
    from: 'running',
    argv: (dir) => ['save', 'tiny', dir.join('image'), '--live', '--way', 'precopy'],
    victims: ['command', 'watcher', 'watcher, command', 'command, watcher', 'QEMU'],
    kind: 'live',
  },
  {
    name: 'managedsave live',
    from: 'running',
    argv: () => ['managedsave', 'tiny', '--live'],
    victims: ['command', 'QEMU'],
    kind: 'live',
  },
  {
    name: 'managedsave',
    from: 'running',
    argv: () => ['managedsave', 'tiny'],
    victims: SAVING,
    kind: 'save',
  },
  ...['load', 'map', 'lazy'].map((mode): KillAct => ({
    name: `restore ${mode}`,
    from: 'saved',
    argv: (dir) => ['restore', dir.join('image'), '--mode', mode],
    major: mode === 'map' ? 9 : 0,
    victims: mode === 'lazy' ? [...RESTORING, 'page server', 'supervisor'] : RESTORING,
    kind: 'restore',
  })),
  {
    name: 'start (managed save)',
    from: 'managed',
    argv: () => ['start', 'tiny'],
    victims: RESTORING,
    kind: 'restore',
  },
  ...['stasis', 'zstd', 'channels', 'sparse'].map((format): KillAct => ({
    name: `convert to ${format}`,
    from: 'saved',
    argv: (dir) => ['image-convert', dir.join('image'), dir.join('out'), '--format', format],
    victims: ['command'],
    kind: 'convert',
  })),
  {
    name: 'save-image-define',
    from: 'saved',
    argv: (dir) => ['save-image-define', dir.join('image'), dir.join('edited.xml')],
    victims: ['command'],
    kind: 'record',
  },
  {
    name: 'define',
    from: 'saved',
    argv: (dir) => ['define', dir.join('edited.xml')],
    victims: ['command'],
    kind: 'record',
  },
  {
    name: 'autostart',
    from: 'saved',
    argv: () => ['autostart', 'tiny'],
    victims: ['command'],
    kind: 'record',
  },
]
