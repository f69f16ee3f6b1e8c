import { UsageError } from '../../errors.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { openControl } from '../machine/monitor.ts'
import { checkOptions } from '../store/check-options.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { type KeyCodeSet, qnumOf } from './key-codes.ts'

/** How to press keys. */
export interface SendKeysOptions extends DomainOptions {
  /** The meaning of numbers. Default: `linux`. */
  readonly codeSet?: KeyCodeSet | undefined
  /** How long to hold them. Default: 100 ms, which is QEMU's. */
  readonly holdMs?: number | undefined
}

/** As many as virsh allows. */
const MOST = 16

/**
 * Presses keys of the keyboard of a running domain, given by name, UUID or id: all of them together. Keys are names of Linux, such as `KEY_LEFTCTRL`, or numbers.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY; UsageError BAD_ARGUMENT for an unknown key; QemuError
 * @example
 * await sendKeys('web', ['KEY_LEFTCTRL', 'KEY_LEFTALT', 'KEY_DELETE'])
 */
export async function sendKeys(
  reference: string,
  keys: readonly (string | number)[],
  options: SendKeysOptions = {},
): Promise<{ readonly name: string }> {
  checkOptions(options, { codeSet: ['linux', 'qnum'] })
  const { codeSet = 'linux', holdMs, signal } = options
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MOST)
    throw new UsageError('BAD_ARGUMENT', `The number of keys must be between 1 and ${MOST}`)
  const pressed = keys.map((key) => {
    const data = qnumOf(key, codeSet)
    if (data !== undefined) return { type: 'number', data }
    throw new UsageError('BAD_ARGUMENT', `invalid keycode: '${key}'`, {
      hint: 'Keys have the names of Linux, such as KEY_ENTER, or numbers',
    })
  })
  await using held = await HeldDomain.find(reference, 'send-key', options)
  held.requireRunning()
  await using control = await openControl(held.paths, signal)
  const how = holdMs === undefined ? {} : { 'hold-time': holdMs }
  await control.executeAny('send-key', { keys: pressed, ...how }, { signal })
  return { name: held.name }
}

/**
 * Sends a non-maskable interrupt to the guest of a running domain, given by name, UUID or id.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY; QemuError
 * @example
 * await injectNmi('web')
 */
export async function injectNmi(
  reference: string,
  options: DomainOptions = {},
): Promise<{ readonly name: string }> {
  checkOptions(options)
  const { signal } = options
  await using held = await HeldDomain.find(reference, 'inject-nmi', options)
  held.requireRunning()
  await using control = await openControl(held.paths, signal)
  await control.executeAny('inject-nmi', {}, { signal })
  return { name: held.name }
}
