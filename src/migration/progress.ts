import type { MigrateInfo, RamStats } from '../qmp/replies.ts'

/** The progress of guest memory, in bytes. */
export interface RamProgress {
  /** Bytes sent over the wire. */
  readonly transferredBytes: number
  readonly remainingBytes: number
  readonly totalBytes: number
  readonly zeroPages: number
  readonly normalPages: number
  readonly pageSize: number
  /** How often dirty pages were collected; 1 during the first round. */
  readonly rounds: number
}

/** A completed migration with QEMU's own figures. */
export interface MigrationStats {
  readonly ram: RamProgress | undefined
  readonly totalTimeMs: number
  readonly setupTimeMs: number
  /** From the moment QEMU stopped the guest to the end; for a guest that was already stopped, the duration of the last round. */
  readonly downtimeMs: number
}

/** The phase of a migration. */
export type MigrationProgress =
  | { readonly phase: 'none' }
  | { readonly phase: 'setup' }
  | { readonly phase: 'active'; readonly ram: RamProgress | undefined; readonly elapsedMs: number }
  /** RAM is complete, device state is being sent. */
  | { readonly phase: 'device'; readonly ram: RamProgress | undefined; readonly elapsedMs: number }
  /** An incoming guest whose memory arrives while it runs; `paused`: its source is gone. */
  | { readonly phase: 'postcopy'; readonly paused: boolean }
  | { readonly phase: 'cancelling' }
  | { readonly phase: 'completed'; readonly stats: MigrationStats }
  | { readonly phase: 'failed'; readonly reason: string | undefined }
  | { readonly phase: 'cancelled' }

/** Parses an answer to `query-migrate` (QEMU qapi/migration.json, `MigrationInfo`). */
export function progressOf(info: MigrateInfo): MigrationProgress {
  const elapsedMs = info['total-time'] ?? 0
  switch (info.status) {
    case undefined:
    case 'none':
      return { phase: 'none' }
    case 'setup':
    case 'wait-unplug':
      return { phase: 'setup' }
    case 'cancelling':
    case 'cancelled':
      return { phase: info.status }
    case 'completed':
      return { phase: 'completed', stats: statsOf(info) }
    case 'failed':
      return { phase: 'failed', reason: info['error-desc'] }
    case 'postcopy-device':
    case 'postcopy-active':
    case 'postcopy-recover-setup':
    case 'postcopy-recover':
    case 'postcopy-paused':
      return { phase: 'postcopy', paused: info.status === 'postcopy-paused' }
    case 'device':
    case 'pre-switchover':
      return { phase: 'device', ram: ramOf(info.ram), elapsedMs }
    default:
      return { phase: 'active', ram: ramOf(info.ram), elapsedMs }
  }
}

function statsOf(info: MigrateInfo): MigrationStats {
  return {
    ram: ramOf(info.ram),
    totalTimeMs: info['total-time'] ?? 0,
    setupTimeMs: info['setup-time'] ?? 0,
    downtimeMs: info.downtime ?? 0,
  }
}

function ramOf(ram: RamStats | undefined): RamProgress | undefined {
  return (
    ram && {
      transferredBytes: ram.transferred,
      remainingBytes: ram.remaining,
      totalBytes: ram.total,
      zeroPages: ram.duplicate,
      normalPages: ram.normal,
      pageSize: ram['page-size'],
      rounds: ram['dirty-sync-count'],
    }
  )
}
