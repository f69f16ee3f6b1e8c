import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DomainActivity, HostActivity } from '../../../domain/status/activity.ts'
import { ratesBetween } from './activity-rates.ts'

function look(time: string, change: Partial<DomainActivity>): HostActivity {
  const domain: DomainActivity = {
    ...{ name: 'web', id: 5, state: 'running', managedSave: false, memoryBytes: undefined },
    ...{ residentBytes: undefined, cpuTimeMs: 1000, job: undefined, serving: undefined },
    ...change,
  }
  return { time, domains: [domain] }
}

const job = (id: string, elapsedMs: number, channelBytes: readonly number[]) => {
  const transfer = {
    ...{ phase: 'transferring' as const, percent: 1, ramBytes: 1, ramTotalBytes: 2 },
    ...{ transferredBytes: 1, fileBytes: 1, rateBytesPerSecond: 1, etaMs: 1 },
    ...{ elapsedMs, channelBytes },
  }
  const process = { pid: 1, startTime: 1, bootId: '' }
  const facts = { operation: 'save' as const, id, process, startedAt: '', elapsedMs }
  return { ...facts, progress: transfer, transfer }
}

const ONE = '2026-01-01T00:00:01.000Z'
const THREE = '2026-01-01T00:00:03.000Z'

test('ratesBetween() compares two looks: processor time, and channels by the clock of the job', () => {
  const before = look(ONE, { job: job('a', 1000, [100, 0]) })
  const now = look(THREE, { cpuTimeMs: 2000, job: job('a', 1500, [200, 10, 5]) })
  const { cpuShares, laneRates } = ratesBetween(before, now)
  assert.equal(cpuShares.get('web'), 0.5)
  assert.deepEqual(laneRates.get('web'), [200, 20, 10])
})

test('ratesBetween() has no rates at first, of another process, or of another job', () => {
  const now = look(THREE, { id: 6, job: job('b', 2000, [1]) })
  for (const before of [undefined, now, look(ONE, { job: job('a', 1000, [0]) })]) {
    const { cpuShares, laneRates } = ratesBetween(before, now)
    assert.equal(cpuShares.size + laneRates.size, 0)
  }
})
