import type {
  BlockDevice,
  CharacterDevice,
  VncServerInfo,
  CpuInfo,
  FdSet,
  MachineInfo,
  MemoryBackend,
  MigrateInfo,
  MigrationCapability,
  IothreadInfo,
  ProcessorSlot,
  QomProperty,
  RunState,
  SchemaInfo,
  VersionInfo,
} from './replies.ts'

type None = Record<string, never>

/** A command without arguments and without a result. */
interface Plain {
  readonly arguments: None
  readonly return: unknown
}

interface Query<R> {
  readonly arguments: None
  readonly return: R
}

/** Parameters of a migration; an integer beyond 2^53 is a `bigint`. */
export type MigrationParameterValues = Readonly<Record<string, unknown>>

/**
 * The commands of QEMU used here: name → arguments and result. Written by hand from qapi/*.json; optional members are those that some QEMU between
 * 7.2 and 10.0 omits. Other commands go through `executeAny`.
 */
export interface QmpCommands {
  // the monitor itself
  readonly 'query-version': Query<VersionInfo>
  readonly 'query-qmp-schema': Query<readonly SchemaInfo[]>
  readonly 'query-name': Query<{ readonly name?: string }>
  readonly 'query-uuid': Query<{ readonly UUID: string }>
  readonly 'human-monitor-command': {
    readonly arguments: { readonly 'command-line': string; readonly 'cpu-index'?: number }
    readonly return: string
  }

  // the machine
  readonly 'x-query-ramblock': Query<{ readonly 'human-readable-text': string }>
  readonly 'xen-save-devices-state': {
    readonly arguments: { readonly filename: string; readonly live?: boolean }
    readonly return: unknown
  }
  readonly 'query-status': Query<{ readonly status: RunState; readonly running: boolean }>
  readonly 'query-sev-capabilities': Query<{
    readonly cbitpos: number
    readonly 'reduced-phys-bits': number
  }>
  readonly 'query-gic-capabilities': Query<
    readonly { readonly version: number; readonly emulated: boolean; readonly kernel: boolean }[]
  >
  readonly 'query-target': Query<{ readonly arch: string }>
  readonly 'query-kvm': Query<{ readonly enabled: boolean; readonly present: boolean }>
  readonly 'query-command-line-options': Query<readonly { readonly option: string }[]>
  readonly 'device-list-properties': {
    readonly arguments: { readonly typename: string }
    readonly return: readonly { readonly name: string }[]
  }
  readonly set_password: {
    readonly arguments: {
      readonly protocol: 'vnc' | 'spice'
      readonly password: string
      readonly connected?: 'keep' | 'disconnect' | 'fail'
    }
    readonly return: unknown
  }
  readonly expire_password: {
    readonly arguments: { readonly protocol: 'vnc' | 'spice'; readonly time: string }
    readonly return: unknown
  }
  readonly 'query-machines': Query<readonly MachineInfo[]>
  readonly 'query-cpus-fast': Query<readonly CpuInfo[]>
  readonly 'query-iothreads': Query<readonly IothreadInfo[]>
  readonly 'query-hotpluggable-cpus': Query<readonly ProcessorSlot[]>
  readonly 'query-chardev': Query<readonly CharacterDevice[]>
  readonly 'query-vnc-servers': Query<readonly VncServerInfo[]>
  readonly block_set_io_throttle: {
    readonly arguments: { readonly id: string } & Readonly<Record<string, number | string>>
    readonly return: unknown
  }
  readonly 'query-block': Query<readonly BlockDevice[]>
  readonly 'query-named-block-nodes': {
    readonly arguments: { readonly flat?: boolean }
    readonly return: readonly { readonly drv: string; readonly file: string }[]
  }
  readonly 'query-pci': Query<readonly Readonly<Record<string, unknown>>[]>
  readonly 'query-memdev': Query<readonly MemoryBackend[]>
  readonly 'query-memory-size-summary': Query<{
    readonly 'base-memory': number
    readonly 'plugged-memory'?: number
  }>
  readonly 'query-balloon': Query<{ readonly actual: number }>
  readonly balloon: { readonly arguments: { readonly value: number }; readonly return: unknown }
  readonly stop: Plain
  readonly cont: Plain
  readonly quit: Plain
  readonly system_reset: Plain
  readonly system_powerdown: Plain
  readonly system_wakeup: Plain
  readonly 'announce-self': {
    readonly arguments: {
      readonly initial: number
      readonly max: number
      readonly rounds: number
      readonly step: number
    }
    readonly return: unknown
  }
  readonly 'set-action': {
    readonly arguments: {
      readonly reboot?: 'reset' | 'shutdown'
      readonly shutdown?: 'poweroff' | 'pause'
      readonly panic?: 'pause' | 'shutdown' | 'exit-failure' | 'none'
    }
    readonly return: unknown
  }

  // the object tree and its devices
  readonly 'qom-list': {
    readonly arguments: { readonly path: string }
    readonly return: readonly QomProperty[]
  }
  readonly 'qom-get': {
    readonly arguments: { readonly path: string; readonly property: string }
    readonly return: unknown
  }
  readonly 'qom-set': {
    readonly arguments: {
      readonly path: string
      readonly property: string
      readonly value: unknown
    }
    readonly return: unknown
  }
  readonly device_add: {
    readonly arguments: Readonly<Record<string, unknown>> & { readonly driver: string }
    readonly return: unknown
  }
  readonly device_del: { readonly arguments: { readonly id: string }; readonly return: unknown }
  readonly 'object-del': { readonly arguments: { readonly id: string }; readonly return: unknown }
  readonly 'query-fdsets': Query<readonly FdSet[]>
  readonly 'add-fd': {
    readonly arguments: { readonly 'fdset-id'?: number; readonly opaque?: string }
    readonly return: { readonly 'fdset-id': number; readonly fd: number }
  }
  readonly 'remove-fd': {
    readonly arguments: { readonly 'fdset-id': number; readonly fd?: number }
    readonly return: unknown
  }

  // migration
  readonly 'query-migrate': Query<MigrateInfo>
  readonly 'query-migrate-capabilities': Query<readonly MigrationCapability[]>
  readonly 'query-migrate-parameters': Query<MigrationParameterValues>
  readonly 'migrate-set-capabilities': {
    readonly arguments: { readonly capabilities: readonly MigrationCapability[] }
    readonly return: unknown
  }
  readonly 'migrate-set-parameters': {
    readonly arguments: MigrationParameterValues
    readonly return: unknown
  }
  readonly migrate: {
    readonly arguments: { readonly uri: string; readonly resume?: boolean }
    readonly return: unknown
  }
  readonly 'migrate-incoming': {
    readonly arguments: { readonly uri: string; readonly 'exit-on-error'?: boolean }
    readonly return: unknown
  }
  readonly migrate_cancel: Plain
  /** Shuts down the sockets of something that hangs. */
  readonly yank: {
    readonly arguments: { readonly instances: readonly [{ readonly type: 'migration' }] }
    readonly return: unknown
  }
  readonly 'migrate-pause': Plain
  readonly 'migrate-start-postcopy': Plain
  readonly 'migrate-continue': {
    readonly arguments: { readonly state: 'pre-switchover' }
    readonly return: unknown
  }
  readonly 'migrate-recover': {
    readonly arguments: { readonly uri: string }
    readonly return: unknown
  }
}

/** The commands that `execute` knows. */
export type QmpCommandName = keyof QmpCommands
/** The arguments of a command. */
export type QmpArguments<N extends QmpCommandName> = QmpCommands[N]['arguments']
/** The result of a command. */
export type QmpReturn<N extends QmpCommandName> = QmpCommands[N]['return']
