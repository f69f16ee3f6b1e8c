/** QEMU's answers: the members used here, as in its qapi/*.json (7.2 and 10.0). */

/** QEMU qapi/run-state.json, `RunState`. */
export type RunState =
  | 'debug'
  | 'inmigrate'
  | 'internal-error'
  | 'io-error'
  | 'paused'
  | 'postmigrate'
  | 'prelaunch'
  | 'finish-migrate'
  | 'restore-vm'
  | 'running'
  | 'save-vm'
  | 'shutdown'
  | 'suspended'
  | 'watchdog'
  | 'guest-panicked'
  | 'colo'

/** QEMU qapi/control.json, `VersionInfo`. */
export interface VersionInfo {
  readonly qemu: { readonly major: number; readonly minor: number; readonly micro: number }
  /** The packager's text, such as ` (Debian 1:7.2+dfsg-7)`. */
  readonly package: string
}

/** QEMU qapi/migration.json, `MigrationStatus`. */
export type MigrationStatus =
  | 'none'
  | 'setup'
  | 'cancelling'
  | 'cancelled'
  | 'active'
  | 'postcopy-device'
  | 'postcopy-active'
  | 'postcopy-paused'
  | 'postcopy-recover-setup'
  | 'postcopy-recover'
  | 'completed'
  | 'failed'
  | 'failing'
  | 'colo'
  | 'pre-switchover'
  | 'device'
  | 'wait-unplug'

/** QEMU qapi/migration.json, `MigrationStats`; sizes in bytes. */
export interface RamStats {
  readonly transferred: number
  readonly remaining: number
  readonly total: number
  /** Zero pages. */
  readonly duplicate: number
  readonly normal: number
  readonly 'normal-bytes': number
  readonly mbps: number
  readonly 'page-size': number
  readonly 'multifd-bytes': number
  readonly 'pages-per-second': number
  readonly 'dirty-sync-count': number
}

/** QEMU qapi/migration.json, `MigrationInfo`: `status` is absent before the first migration. */
export interface MigrateInfo {
  readonly status?: MigrationStatus
  readonly ram?: RamStats
  readonly 'total-time'?: number
  readonly 'setup-time'?: number
  readonly downtime?: number
  readonly 'expected-downtime'?: number
  readonly 'error-desc'?: string
  readonly 'blocked-reasons'?: readonly string[]
  readonly 'socket-address'?: readonly unknown[]
}

/** QEMU qapi/migration.json, `MigrationCapabilityStatus`. */
export interface MigrationCapability {
  readonly capability: string
  readonly state: boolean
}

/** QEMU qapi/introspect.json, `SchemaInfo`; which members exist depends on `meta-type`. */
export interface SchemaInfo {
  readonly name: string
  readonly 'meta-type': 'builtin' | 'enum' | 'array' | 'object' | 'alternate' | 'command' | 'event'
  readonly 'arg-type'?: string
  readonly 'ret-type'?: string
  readonly 'element-type'?: string
  readonly values?: readonly string[]
  readonly members?: readonly { readonly name?: string; readonly type: string }[]
}

/** QEMU qapi/machine.json, `MachineInfo`. */
export interface MachineInfo {
  readonly name: string
  readonly alias?: string
  readonly 'is-default'?: boolean
  readonly 'cpu-max': number
  readonly 'hotpluggable-cpus': boolean
  readonly deprecated: boolean
  readonly 'default-cpu-type'?: string
  readonly 'default-ram-id'?: string
}

/** QEMU qapi/machine.json, `HotpluggableCPU`: a place for a processor. */
export interface ProcessorSlot {
  readonly type: string
  readonly props: Readonly<Record<string, number>>
}

/** QEMU qapi/machine.json, `CpuInfoFast`. */
export interface CpuInfo {
  readonly 'cpu-index': number
  readonly 'qom-path': string
  readonly 'thread-id': number
  readonly target: string
}

/** QEMU qapi/misc.json, `IOThreadInfo`. */
export interface IothreadInfo {
  readonly id: string
  readonly 'thread-id': number
}

/** QEMU qapi/char.json, `ChardevInfo`. */
export interface CharacterDevice {
  readonly label: string
  /** Such as `pty:/dev/pts/3`. */
  readonly filename: string
  readonly 'frontend-open': boolean
}

/** QEMU qapi/ui.json, `VncInfo2`: a VNC server, and where it listens. */
export interface VncServerInfo {
  readonly id: string
  readonly server: readonly {
    readonly host: string
    /** The port, as a decimal number. */
    readonly service: string
    readonly family: string
    readonly websocket: boolean
  }[]
}

/** QEMU qapi/block-core.json, `BlockInfo`. */
export interface BlockDevice {
  readonly device: string
  readonly qdev?: string
  readonly locked: boolean
  readonly removable: boolean
  /** Present if the device has a tray. */
  readonly tray_open?: boolean
  /** Present if QEMU stops the guest at an error. */
  readonly 'io-status'?: 'ok' | 'failed' | 'nospace'
  readonly inserted?: {
    readonly file: string
    readonly drv: string
    readonly ro: boolean
    readonly 'node-name'?: string
  }
}

/** QEMU qapi/machine.json, `Memdev`; `size` in bytes. */
export interface MemoryBackend {
  readonly id?: string
  readonly size: number
  readonly share?: boolean
}

/** QEMU qapi/qom.json, `ObjectPropertyInfo`. */
export interface QomProperty {
  readonly name: string
  readonly type: string
}

/** QEMU qapi/misc.json, `FdsetInfo`. */
export interface FdSet {
  readonly 'fdset-id': number
  readonly fds: readonly { readonly fd: number; readonly opaque?: string }[]
}
