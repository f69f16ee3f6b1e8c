import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MigrationStatus } from '../qmp/replies.ts'
import { progressOf } from './progress.ts'

const RAM = {
  transferred: 10,
  remaining: 20,
  total: 30,
  duplicate: 4,
  normal: 5,
  'normal-bytes': 5 * 4096,
  mbps: 0,
  'multifd-bytes': 0,
  'pages-per-second': 0,
  'page-size': 4096,
  'dirty-sync-count': 2,
} as const

const PROGRESS = {
  transferredBytes: 10,
  remainingBytes: 20,
  totalBytes: 30,
  zeroPages: 4,
  normalPages: 5,
  pageSize: 4096,
  rounds: 2,
}

test('progressOf() maps every status of QEMU to a phase', () => {
  const phases: Readonly<Record<MigrationStatus, string>> = {
    none: 'none',
    setup: 'setup',
    'wait-unplug': 'setup',
    active: 'active',
    colo: 'active',
    'pre-switchover': 'device',
    device: 'device',
    'postcopy-device': 'postcopy',
    'postcopy-active': 'postcopy',
    'postcopy-paused': 'postcopy',
    'postcopy-recover-setup': 'postcopy',
    'postcopy-recover': 'postcopy',
    cancelling: 'cancelling',
    cancelled: 'cancelled',
    completed: 'completed',
    failing: 'active',
    failed: 'failed',
  }
  for (const [status, phase] of Object.entries(phases))
    assert.equal(progressOf({ status: status as MigrationStatus }).phase, phase, status)
  assert.deepEqual(progressOf({}), { phase: 'none' })
})

test('progressOf() reports the figures of an active and of a completed migration', () => {
  assert.deepEqual(progressOf({ status: 'active', ram: RAM, 'total-time': 7 }), {
    phase: 'active',
    ram: PROGRESS,
    elapsedMs: 7,
  })
  const info = {
    status: 'completed',
    ram: RAM,
    'total-time': 7,
    'setup-time': 2,
    downtime: 3,
  } as const
  assert.deepEqual(progressOf(info), {
    phase: 'completed',
    stats: { ram: PROGRESS, totalTimeMs: 7, setupTimeMs: 2, downtimeMs: 3 },
  })
})

test('progressOf() reports a paused postcopy and the reason of a failure', () => {
  assert.deepEqual(progressOf({ status: 'postcopy-paused' }), { phase: 'postcopy', paused: true })
  assert.deepEqual(progressOf({ status: 'postcopy-active' }), { phase: 'postcopy', paused: false })
  const failed = { status: 'failed', 'error-desc': 'no space' } as const
  assert.deepEqual(progressOf(failed), { phase: 'failed', reason: 'no space' })
})
