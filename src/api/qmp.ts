/**
 * A client of QEMU's monitor protocol, QMP.
 * @module stasis/qmp
 */

import './node-version.ts'

export type {
  MigrationParameterValues,
  QmpArguments,
  QmpCommandName,
  QmpCommands,
  QmpReturn,
} from '../qmp/commands.ts'
export { QmpConnection } from '../qmp/connection.ts'
export type { QmpCallOptions, QmpConnectOptions } from '../qmp/connection.ts'
export type {
  QmpEvent,
  QmpEventData,
  QmpEventListener,
  QmpEventName,
  WaitOptions,
} from '../qmp/events.ts'
export { QmpLost } from '../qmp/lost.ts'
export { QmpRefusal } from '../qmp/refusal.ts'
export type {
  BlockDevice,
  CharacterDevice,
  CpuInfo,
  FdSet,
  IothreadInfo,
  MachineInfo,
  MemoryBackend,
  MigrateInfo,
  MigrationCapability,
  MigrationStatus,
  ProcessorSlot,
  QomProperty,
  RamStats,
  RunState,
  SchemaInfo,
  VersionInfo,
  VncServerInfo,
} from '../qmp/replies.ts'
