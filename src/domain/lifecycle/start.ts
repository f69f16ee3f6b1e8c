import { DomainError } from '../../errors.ts'
import { readDefinition } from '../store/definitions.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { HeldDomain } from '../store/held-domain.ts'
import { checkIdentity } from '../store/identity.ts'
import { forgetEnd } from '../store/last-end.ts'
import { LaunchedMachine } from '../machine/launch-machine.ts'
import { hasManagedImage, removeManagedImage } from '../store/managed-image.ts'
import { prepareMachine } from '../machine/prepare-machine.ts'
import { withNewGenid } from '../machine/new-genid.ts'
import type { OnProgress, RestoreProgress } from '../progress/progress.ts'
import { restoreImage } from '../restore/restore.ts'
import type { RestoreOptions, RestoreResult } from '../restore/restore-request.ts'
import { managedStartFailure } from './managed-start-failure.ts'

/** How to start. */
export interface StartOptions extends DomainOptions {
  /** Leave the guest paused. */
  readonly paused?: boolean | undefined
  /** Leave out what is not supported instead of refusing it. */
  readonly ignoreUnsupported?: boolean | undefined
  /** Told what was left out. */
  readonly onWarning?: ((text: string) => void) | undefined
  /** Throw away a managed save and boot. */
  readonly forceBoot?: boolean | undefined
  /** Go on from a managed save though its disks were written to since. */
  readonly force?: boolean | undefined
  /** Set the clock of a guest that goes on from its managed save, through the agent inside it. */
  readonly syncTime?: boolean | undefined
  /** Give it another generation id than the one in its definition, or in its managed save. */
  readonly newGenid?: boolean | undefined
  /** Read a managed save past the page cache. */
  readonly bypassCache?: boolean | undefined
  /** How the memory of a managed save comes back. */
  readonly mode?: RestoreOptions['mode']
  /** Told how far a managed save is. */
  readonly onProgress?: OnProgress<RestoreProgress> | undefined
}

/** A domain that runs now. */
export interface StartedDomain {
  readonly name: string
  readonly uuid: string
  /** The pid of its QEMU. */
  readonly id: number
  /** When it went on from its managed save. */
  readonly restored?: RestoreResult
}

/**
 * Starts a defined domain, given by name or UUID: from its managed save when it has one, which goes once the guest runs, and stays
 * when that fails.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_RUNNING, DOMAIN_BUSY; DomainXmlError; QemuError
 */
export async function startDomain(
  reference: string,
  options: StartOptions = {},
): Promise<StartedDomain> {
  const { signal } = options
  await using held = await HeldDomain.find(reference, 'start', options)
  held.requireOff()
  const { name, paths, directories } = held
  const text = await readDefinition(directories, name)
  if (text === undefined)
    throw new DomainError('DOMAIN_NOT_FOUND', `Domain '${name}' is not defined`)
  if (options.forceBoot !== true && (await hasManagedImage(paths)))
    return await startManagedSave(held, options)
  if (held.whereSaved !== undefined)
    options.onWarning?.(`domain '${name}' boots anew. ${held.whereSaved}`)
  const source = options.newGenid === true ? withNewGenid({ text }) : { text }
  const prepared = await prepareMachine(source, directories, options)
  await checkIdentity(directories, { name, uuid: prepared.uuid })
  await using machine = await LaunchedMachine.launch(held, { ...prepared, signal })
  await machine.markComplete()
  // Removed before the guest runs: never shall there be both.
  if (options.forceBoot === true && (await hasManagedImage(paths)))
    await removeManagedImage(directories, paths)
  if (options.paused !== true) await machine.control.execute('cont', {}, { signal })
  machine.detach()
  await forgetEnd(paths)
  return { name, uuid: prepared.uuid, id: machine.record.pid }
}

async function startManagedSave(held: HeldDomain, options: StartOptions): Promise<StartedDomain> {
  const { paused, ...rest } = options
  const resumeAs = paused === true ? 'paused' : undefined
  const restored = await restoreImage(
    held.paths.managedSave,
    { ...rest, resumeAs },
    { managedSave: held },
  ).catch((error: unknown) => {
    throw managedStartFailure(held, error)
  })
  return { name: restored.name, uuid: restored.uuid, id: restored.id, restored }
}
