import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { isNativeError } from 'node:util/types'
import { CancelledError, ImageError, QemuError, StasisError, StorageError } from './errors.ts'
import type * as Errors from './errors.ts'

const full = new StorageError('NO_SPACE', 'No space left for /a', {
  operation: 'save',
  path: '/a',
  offset: 7,
  hint: 'Free some space',
  cause: new Error('ENOSPC'),
})

test('StasisError.with() changes the given facts and keeps class, code, cause and the others', () => {
  const changed = full.with({ message: "Could not save domain 'web'", hint: undefined })
  assert.ok(changed instanceof StorageError && isNativeError(changed))
  assert.deepEqual(Object.assign({}, changed, { message: changed.message, cause: changed.cause }), {
    name: 'StorageError',
    code: 'NO_SPACE',
    operation: 'save',
    path: '/a',
    offset: 7,
    hint: undefined,
    message: "Could not save domain 'web'",
    cause: full.cause,
  })
  assert.equal(full.message, 'No space left for /a')
  assert.match(
    changed.stack ?? '',
    /^StorageError: Could not save domain 'web'\n(.*\n)?.*errors\.test\.ts/,
  )
})

test('StasisError.with() keeps the facts that a class adds', () => {
  const cancelled = new CancelledError('save', 'too slow', 'the guest runs on')
  const changed = cancelled.with({ hint: 'Try again' })
  assert.ok(changed instanceof CancelledError)
  assert.equal(changed.outcome, 'the guest runs on')
  assert.equal(changed.hint, 'Try again')
})

test('StasisError.with() drops the cause that is given as undefined', () => {
  assert.equal(full.with({ cause: undefined }).cause, undefined)
  assert.ok(!('cause' in full.with({ cause: undefined })))
})

test('StasisError.is() narrows by code', () => {
  const error: unknown = new ImageError('IMAGE_STALE', 'old')
  assert.equal(StasisError.is(error), true)
  assert.equal(StasisError.is(error, 'IMAGE_IN_USE'), false)
  assert.equal(StasisError.is(new Error('x')), false)
  assert.equal(StasisError.is({ code: 'IMAGE_STALE' }, 'IMAGE_STALE'), false)
  assert.equal(StasisError.is(null), false)
  assert.ok(StasisError.is(error, 'IMAGE_STALE'))
  // Types, checked by `tsc`: the class follows from the code, and a code with a typo does not compile.
  const narrowed: ImageError & { readonly code: 'IMAGE_STALE' } = error
  assert.equal(narrowed.code, 'IMAGE_STALE')
  // @ts-expect-error No error has this code.
  assert.equal(StasisError.is(error, 'IMAGE_STAIL'), false)
  const any: unknown = error
  // @ts-expect-error No error has this code.
  assert.ok(StasisError.is(any) && any.code !== 'IMAGE_STAIL')
})

test('StasisError.is() recognises an error of another copy of the package', async () => {
  const copy = (await import(`${import.meta.resolve('./errors.ts')}?copy`)) as typeof Errors
  const error = new copy.QemuError('QEMU_BUSY', 'x')
  assert.ok(!(error instanceof QemuError))
  assert.ok(StasisError.is(error, 'QEMU_BUSY'))
})

test('CancelledError has the reason of the caller as its cause, through whatever it comes', async () => {
  const reason = new Error('shutting down')
  const signal = AbortSignal.abort(reason)
  const ofNode = await delay(1, undefined, { signal }).catch((error: unknown) => error)
  const step = new CancelledError('wait', ofNode)
  assert.equal(step.cause, reason)
  assert.equal(new CancelledError('save', step).cause, reason)
  assert.equal(new CancelledError('save', 'too slow').cause, 'too slow')
  assert.equal(new CancelledError('save').cause, undefined)
  const byDefault = AbortSignal.abort().reason as unknown
  assert.equal(new CancelledError('save', byDefault).cause, byDefault)
})

test('the message of a StasisError is one line that a terminal does not obey', () => {
  const name = 'a\u001b[2J\nb\u202e\u0085'
  const error = new ImageError('IMAGE_CORRUPT', `block ${name}`, { hint: `Remove ${name}` })
  assert.equal(error.message, 'block a\\u{1b}[2J\\nb\\u{202e}\\u{85}')
  assert.equal(error.hint, 'Remove a\\u{1b}[2J\\nb\\u{202e}\\u{85}')
  assert.equal(
    error.with({ message: `${error.message}: \u0007` }).message,
    `${error.message}: \\u{7}`,
  )
})

test('the message of a StasisError has a limited length, whatever it quotes', () => {
  const { message } = new ImageError('IMAGE_CORRUPT', `block ${'\n'.repeat(100_000)} ends`)
  assert.ok(message.length <= 4000, `${message.length}`)
  assert.ok(
    new ImageError('IMAGE_CORRUPT', `${'x'.repeat(100_000)} ends`).message.endsWith(' ends'),
  )
})

test('the list of a StasisError makes further lines of its message', () => {
  const error = new ImageError('IMAGE_UNTRUSTED', 'It asks for:', { list: ['a\nb', 'c'] })
  assert.equal(error.message, 'It asks for:\n  a\\nb\n  c')
  assert.equal(
    error.with({ message: `Cannot start: ${error.message}` }).message,
    'Cannot start: It asks for:\n  a\\nb\n  c',
  )
})
