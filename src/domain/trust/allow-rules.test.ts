import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allows, checkAllowRule, ruleFor } from './allow-rules.ts'
import type { Reach, ReachKind } from './reach.ts'

function reach(kind: ReachKind, value: string): Reach {
  return { kind, use: 'disk', value, write: true, place: '/domain' }
}

async function covers(rules: string, asked: Reach): Promise<boolean> {
  return (await allows({}, { STASIS_ALLOW: rules, STASIS_CONFIG: '/dev/null' }))(asked)
}

test('allows() compares paths by whole names', async () => {
  assert.equal(await covers('path:/srv/vm', reach('path', '/srv/vm')), true)
  assert.equal(await covers('path:/srv/vm/', reach('path', '/srv/vm/a/disk')), true)
  assert.equal(await covers('path:/srv/vm', reach('path', '/srv/vm2/disk')), false)
  assert.equal(await covers('path:/srv/vm', reach('path', '/srv/vm/../secret')), false)
  assert.equal(await covers('path:/srv/vm', reach('emulator', '/srv/vm/qemu')), false)
  assert.equal(await covers('path:/', reach('path', '/etc/shadow')), true)
})

test('allows() compares addresses with and without their port', async () => {
  for (const rule of ['listen:0.0.0.0', 'listen:0.0.0.0:80', 'listen:*', 'everything'])
    assert.equal(await covers(rule, reach('listen', '0.0.0.0:80')), true, rule)
  for (const rule of ['listen:0.0.0.0:8', 'listen:0.0.0', 'connect:*', ''])
    assert.equal(await covers(rule, reach('listen', '0.0.0.0:80')), false, rule)
})

test('allows() lets only everything cover a command line', async () => {
  const command = reach('command', 'qemu -chardev file')
  assert.equal(await covers('path:*,emulator:*,script:*,connect:*', command), false)
  assert.equal(await covers('path:/a,everything', command), true)
  assert.equal(ruleFor(command), undefined)
})

test('allows() adds the permissions of a call to those of the environment', async () => {
  const allowed = await allows(
    { allow: ['path:/a'] },
    { STASIS_ALLOW: 'path:/b', STASIS_CONFIG: '/dev/null' },
  )
  assert.equal(await allowed(reach('path', '/a')), true)
  assert.equal(await allowed(reach('path', '/b')), true)
  assert.equal(await allowed(reach('path', '/c')), false)
})

test('a text that is not a permission is refused, wherever it is', async () => {
  for (const text of [
    '',
    'nothing',
    'command:*',
    'path:',
    'path:srv',
    'emulator:../qemu',
    'Path:/',
  ])
    assert.throws(() => checkAllowRule(text), { code: 'BAD_ARGUMENT' }, text)
  await assert.rejects(allows({}, { STASIS_ALLOW: 'path:/a,bad', STASIS_CONFIG: '/dev/null' }), {
    code: 'BAD_ARGUMENT',
  })
  const wrong = { allow: 'path:/a' as unknown as [] }
  await assert.rejects(allows(wrong, {}), { code: 'BAD_ARGUMENT' })
})

test('ruleFor() gives the permission that covers a reach', async () => {
  for (const asked of [
    reach('path', '/a b'),
    reach('listen', '0.0.0.0:any'),
    reach('network', 'br0'),
  ])
    assert.equal(await covers(ruleFor(asked) ?? '', asked), true, asked.value)
})

test('allows() lets a permission for arguments or a secret cover nothing longer', async () => {
  for (const kind of ['arguments', 'secret'] as const) {
    assert.equal(await covers(`${kind}:-a b`, reach(kind, '-a b')), true)
    assert.equal(await covers(`${kind}:-a b`, reach(kind, '-a b:c')), false)
  }
})
