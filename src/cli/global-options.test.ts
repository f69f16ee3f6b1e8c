import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withVerb } from './global-options.ts'
import { hasNoVerb, indexOfVerb } from './verb-in.ts'

test('indexOfVerb finds the verb after options with values', () => {
  const verbIn = (line: string): string | undefined => {
    const argv = line.split(' ')
    return argv[indexOfVerb(argv)]
  }
  assert.equal(verbIn('list --all'), 'list')
  assert.equal(verbIn('-c qemu:///system list'), 'list')
  assert.equal(verbIn('-qrc qemu:///system list'), 'list')
  assert.equal(verbIn('--connect=qemu:///system -d 0 --state-dir /x -q start web'), 'start')
  assert.equal(verbIn('-q -r'), undefined)
})

test('withVerb reads virsh -v, -V, --version and help', () => {
  const line = (text: string): string => withVerb(text.split(' ')).join(' ')
  assert.equal(line('-v'), 'version --short')
  assert.equal(line('--version'), 'version --short')
  assert.equal(line('--json -V'), '--json version')
  assert.equal(line('--version=long'), 'version')
  assert.equal(line('-q help save'), '-q save --help')
  assert.equal(line('help'), '--help')
  assert.equal(line('list -v'), 'list -v')
})

test('hasNoVerb() is true for options alone, unless they ask for help or a version', () => {
  for (const line of [
    '-q',
    '-qr --json',
    '-c qemu:///system',
    '--connect=x -t',
    '-ql file',
    '-e ^] -k 3',
  ])
    assert.ok(hasNoVerb(line.split(' ')), line)
  assert.ok(hasNoVerb([]))
  for (const line of ['list', '-h', '--help', '-v', '--version', '--frob', '-q list'])
    assert.ok(!hasNoVerb(line.split(' ')), line)
})
