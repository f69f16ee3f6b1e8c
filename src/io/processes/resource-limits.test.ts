import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { withLimits } from './resource-limits.ts'

function limitsOfChild(limits: Parameters<typeof withLimits>[0] | undefined): readonly string[] {
  const read = (): string =>
    execFileSync('sh', ['-c', 'ulimit -c; ulimit -l'], { encoding: 'utf8' })
  return (limits === undefined ? read() : withLimits(limits, read)).trim().split('\n')
}

test('withLimits() forbids core dumps to a child, or allows as much as the hard limit, and restores our own', () => {
  const before = limitsOfChild(undefined)
  const hard = execFileSync('sh', ['-c', 'ulimit -H -c'], { encoding: 'utf8' }).trim()
  assert.equal(limitsOfChild({ coreDump: false, lockedMemory: false })[0], '0')
  assert.equal(limitsOfChild({ coreDump: true, lockedMemory: false })[0], hard)
  assert.deepEqual(limitsOfChild(undefined), before)
})

test('withLimits() raises the limit of locked memory as far as this process may', () => {
  const before = limitsOfChild(undefined)
  const hard = execFileSync('sh', ['-c', 'ulimit -H -l'], { encoding: 'utf8' }).trim()
  const [, raised] = limitsOfChild({ coreDump: false, lockedMemory: true })
  assert.ok(raised === 'unlimited' || raised === hard, raised)
  assert.deepEqual(limitsOfChild(undefined), before)
})
