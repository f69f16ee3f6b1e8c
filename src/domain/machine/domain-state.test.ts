import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stateOfRunState } from './domain-state.ts'

test('stateOfRunState() maps the states of QEMU to those of virsh', () => {
  const states = {
    running: 'running',
    shutdown: 'in shutdown',
    'guest-panicked': 'crashed',
    'internal-error': 'crashed',
    suspended: 'pmsuspended',
    paused: 'paused',
    inmigrate: 'paused',
    'io-error': 'paused',
    'a state of a later QEMU': 'paused',
  }
  for (const [status, state] of Object.entries(states))
    assert.equal(stateOfRunState(status), state, status)
})
