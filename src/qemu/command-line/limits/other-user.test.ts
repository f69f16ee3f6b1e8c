import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blockdev } from '../arguments.ts'
import { openedAtStart, userArguments } from './other-user.ts'

test('userArguments() uses the option that the version has', () => {
  assert.deepEqual(userArguments('q', { major: 7, minor: 2, micro: 0 }), ['-runas', 'q'])
  assert.deepEqual(userArguments('q', { major: 9, minor: 1, micro: 0 }), ['-run-with', 'user=q'])
})

test('openedAtStart() changes only files that a device may write to', () => {
  const file = (name: string): readonly string[] =>
    blockdev({ driver: 'file', filename: `/${name}`, 'node-name': name, 'auto-read-only': true })
  const format = (name: string, readonly: boolean | undefined): readonly string[] =>
    blockdev({ 'node-name': `${name}-f`, 'read-only': readonly, driver: 'qcow2', file: name })
  const argv = [
    ...['-name', 'web'],
    ...file('disk'),
    ...format('disk', undefined),
    ...file('cd'),
    ...format('cd', true),
    ...file('store'),
    ...format('store', false),
  ]
  const changed = openedAtStart(argv).filter((value, at) => value !== argv[at])
  assert.deepEqual(
    changed.map((value) => JSON.parse(value) as unknown),
    ['disk', 'store'].map((name) => ({
      driver: 'file',
      filename: `/${name}`,
      'node-name': name,
      'auto-read-only': false,
    })),
  )
})
