import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CancelledError,
  DomainError,
  DomainXmlError,
  ImageError,
  StorageError,
  type XmlProblem,
} from '../../errors.ts'
import { WireError } from '../../wire/wire-error.ts'
import { errorObject, errorText } from './error.ts'
import { ReceivedSignal } from '../terminal/received-signal.ts'
import { exitCodeOf } from './exit-code.ts'

test('errorText() shows the chain of causes and the hints, and no stack', () => {
  const disk = new StorageError('NO_SPACE', 'No space left for /b/x', { hint: 'Free some' })
  const error = new DomainError('DOMAIN_BUSY', "Could not save domain 'x'", { cause: disk })
  assert.equal(
    errorText(error, { debug: false }),
    "error: Could not save domain 'x'\n  because: No space left for /b/x\nhint: Free some",
  )
  assert.match(errorText(error, { debug: true }), /error\.test\.ts/)
})

test('errorText() calls an error that is not ours a bug in Stasis', () => {
  const text = errorText(new TypeError('x is not a function'), { debug: false })
  assert.match(text, /^error: TypeError: x is not a function\nhint: This is a bug in Stasis/)
})

test('errorText() names a place once when an error was rewrapped, and does not repeat a stream parser', () => {
  const wire = new WireError('truncated', 'the stream ends early', 7)
  const text = 'It is truncated: the stream ends early'
  const cause = new ImageError('IMAGE_TRUNCATED', text, { path: '/i', offset: 92, cause: wire })
  const error = cause.with({ message: "Could not start domain 'x'", cause })
  assert.equal(
    errorText(error, { debug: false }),
    `error: Could not start domain 'x'\n  because: ${text}\n  at: /i, offset 92`,
  )
})

test('errorObject() has the facts that a program needs', () => {
  const error = new ImageError('IMAGE_CORRUPT', 'It is damaged', { path: '/i', offset: 92 })
  assert.deepEqual(errorObject(error), {
    type: 'error',
    code: 'IMAGE_CORRUPT',
    message: 'It is damaged',
    exitCode: 5,
    path: '/i',
    offset: 92,
    causes: [],
  })
})

test('exitCodeOf() goes by the kind of failure', () => {
  assert.equal(exitCodeOf(new CancelledError('save')), 130)
  const terminated = new CancelledError('save', new ReceivedSignal('SIGTERM'))
  assert.equal(exitCodeOf(new CancelledError('save domain x', terminated)), 143)
  assert.equal(exitCodeOf(new Error('?')), 70)
})

test('an error about several parts of a domain XML has one line for each, and a list in JSON', () => {
  const problem = (place: string, hint?: string): XmlProblem => ({
    ...{ code: 'UNSUPPORTED_PART', place, line: 7, hint, hostSideOnly: false },
    message: `${place} (line 7): is not supported`,
  })
  const problems = [problem('/domain/a'), problem('/domain/b', 'Use c')]
  const error = new DomainXmlError('XML_UNSUPPORTED', '2 parts are not supported', { problems })
  assert.equal(
    errorText(error, { debug: false }),
    'error: 2 parts are not supported\n  /domain/a (line 7): is not supported\n  /domain/b (line 7): is not supported. Use c',
  )
  assert.deepEqual(errorObject(error).problems, problems)
})
