import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandsIn } from './command-string.ts'

test('commandsIn() leaves ordinary command lines as they are', () => {
  for (const argv of [
    [],
    ['list'],
    ['-q', 'save', 'a b', 'c;d'],
    ['-c', 'qemu:///session', 'list'],
  ])
    assert.deepEqual(commandsIn(argv), [argv])
})

test('commandsIn() splits one argument into commands', () => {
  assert.deepEqual(commandsIn(['-q', 'domstate a;\n domstate --domain  b ;']), [
    ['-q', 'domstate', 'a'],
    ['-q', 'domstate', '--domain', 'b'],
  ])
  assert.deepEqual(commandsIn([`save "a \\"b\\"" 'c;d'\\ e ''`]), [['save', 'a "b"', 'c;d e', '']])
  assert.deepEqual(commandsIn(['-q', ' ; ']), [['-q']])
})

test('commandsIn() refuses open quotes', () => {
  for (const text of ["list 'a", 'list "a\\"', 'list a\\'])
    assert.throws(() => commandsIn([text]), { code: 'BAD_ARGUMENT', message: /after an open/ })
})

test('commandsIn() leaves out comments, and a line break after a backslash', () => {
  assert.deepEqual(commandsIn(['# one\nlist # all\n domstate \\\n web#1 "#2" \\#3;#end']), [
    ['list'],
    ['domstate', 'web#1', '#2', '#3'],
  ])
})
