import { DomainError } from '../errors.ts'
import { readDefinition } from './definitions.ts'
import type { DomainOptions } from './domain-options.ts'
import { HeldDomain } from './held-domain.ts'
import { checkIdentity } from './identity.ts'
import { LaunchedMachine } from './launch-machine.ts'
import { prepareMachine } from './prepare-machine.ts'

/** How to start. */
export interface StartOptions extends DomainOptions {
  /** Leave the guest paused. */
  readonly paused?: boolean | undefined
  /** Leave out what is not supported instead of refusing it. */
  readonly ignoreUnsupported?: boolean | undefined
  /** Told what was left out. */
  readonly onWarning?: ((text: string) => void) | undefined
}

/** A domain that runs now. */
export interface StartedDomain {
  readonly name: string
  readonly uuid: string
  /** The pid of its QEMU. */
  readonly id: number
}

/**
 * Starts a defined domain, given by name or UUID.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_RUNNING, DOMAIN_BUSY; DomainXmlError; QemuError
 */
export async function startDomain(
  reference: string,
  options: StartOptions = {},
): Promise<StartedDomain> {
  const { signal } = options
  await using held = await HeldDomain.find(reference, 'start', options)
  held.requireOff()
  const { name, directories } = held
  const text = await readDefinition(directories, name)
  if (text === undefined)
    throw new DomainError('DOMAIN_NOT_FOUND', `Domain '${name}' is not defined`)
  const prepared = await prepareMachine({ text }, directories, options)
  await checkIdentity(directories, { name, uuid: prepared.uuid })
  await using machine = await LaunchedMachine.launch(held, { ...prepared, signal })
  await machine.markComplete()
  if (options.paused !== true) await machine.control.execute('cont', {}, { signal })
  machine.keep()
  return { name, uuid: prepared.uuid, id: machine.record.pid }
}
