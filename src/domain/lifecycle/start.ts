import { type Act, type ActFacts, keepAct } from '../acts/keep-act.ts'
import { checkOptions } from '../store/check-options.ts'
import { DomainError, StasisError, messageOf } from '../../errors.ts'
import { readDefinition } from '../store/definitions.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { checkRunningIdentity } from '../catalogue/identity.ts'
import { readLastEnd } from '../store/last-end.ts'
import { hasManagedImage } from '../store/saves/managed-image.ts'
import { checkRemovable } from '../store/saves/own-managed-image.ts'
import { removeManagedImage } from '../store/saves/remove-managed-image.ts'
import type { AllowOptions } from '../trust/allow-rules.ts'
import type { NetworkOptions } from '../networks/network-target.ts'
import { prepareMachine } from '../machine/prepare-machine.ts'
import { withNewGenid } from '../machine/new-genid.ts'
import type { OnProgress, RestoreProgress } from '../progress/progress.ts'
import { restoreFacts, restoreImage } from '../restore/restore.ts'
import type { RestoreOptions, RestoreResult } from '../restore/restore-request.ts'
import { bootMachine } from './boot.ts'
import { considerCopy } from './consider-copy.ts'
import { managedStartFailure } from './managed-start-failure.ts'
import { findEntry } from '../catalogue/catalogue.ts'
import { openDirectories } from '../store/directories.ts'
import { setAsideManagedImage } from '../store/saves/set-aside-managed-image.ts'

/** How to start a domain. */
export interface StartOptions extends DomainOptions, AllowOptions, NetworkOptions {
  /** Leave the guest paused. */
  readonly paused?: boolean | undefined
  /** Leave out unsupported parts of the XML instead of refusing them. */
  readonly ignoreUnsupported?: boolean | undefined
  /** Called with a sentence about each part that was left out. */
  readonly onWarning?: ((text: string) => void) | undefined
  /** Delete the managed save and boot. */
  readonly forceBoot?: boolean | undefined
  /** Use the managed save although its disks have changed since. */
  readonly force?: boolean | undefined
  /** What to do with a managed save that is outdated (IMAGE_STALE): `fail`, or give it another name and `boot`. Default: `fail`. */
  readonly stale?: 'fail' | 'boot' | undefined
  /** A domain that already runs on this host is not an error. */
  readonly ifOff?: boolean | undefined
  /** Set the clock of a guest that resumes from its managed save, through the guest agent. */
  readonly syncTime?: boolean | undefined
  /** Give it a new generation id instead of the one in its definition or its managed save. */
  readonly newGenid?: boolean | undefined
  /** Make the UEFI variable store anew from its template. Default: false. */
  readonly resetNvram?: boolean | undefined
  /** Bypass the page cache when reading the managed save. */
  readonly bypassCache?: boolean | undefined
  /** How the memory of the managed save is restored. */
  readonly mode?: RestoreOptions['mode']
  /** Called with the progress of the restore from a managed save. */
  readonly onProgress?: OnProgress<RestoreProgress> | undefined
}

/** A domain that was started. */
export interface StartedDomain {
  readonly name: string
  readonly uuid: string
  /** The pid of its QEMU. */
  readonly id: number
  /** Present if it resumed from its managed save. */
  readonly restored?: RestoreResult
  /** It ran already, and `ifOff` was given. */
  readonly alreadyRunning?: true
}

/**
 * Starts a defined domain, given by name or UUID. If it has a managed save, it resumes from it; the managed save is deleted once the guest
 * runs, and kept if the start fails.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_RUNNING, DOMAIN_BUSY; DomainXmlError; QemuError
 * @example
 * const { id, restored } = await startDomain('web')
 * console.log(id, restored === undefined ? 'booted' : 'resumed')
 */
export async function startDomain(
  reference: string,
  options: StartOptions = {},
): Promise<StartedDomain> {
  return startPart(reference, options, undefined)
}

/** `startDomain`, as a part of `during`. */
export async function startPart(
  reference: string,
  options: StartOptions,
  during: 'host-resume' | undefined,
): Promise<StartedDomain> {
  checkOptions(options, { mode: ['auto', 'map', 'lazy', 'load'], stale: ['fail', 'boot'] })
  const running = options.ifOff === true ? await alreadyRunning(reference, options) : undefined
  if (running !== undefined) return running
  const plan = { act: 'start', during, reference } as const
  const { onWarning } = options
  return keepAct({ plan, directories: options, facts: startFacts, onWarning }, (act) =>
    start(reference, options, act),
  ).catch(async (error: unknown) => {
    // Another command was faster.
    const now =
      options.ifOff === true && StasisError.is(error, 'DOMAIN_RUNNING')
        ? await alreadyRunning(reference, options)
        : undefined
    if (now !== undefined) return now
    throw error
  })
}

async function alreadyRunning(
  reference: string,
  options: StartOptions,
): Promise<StartedDomain | undefined> {
  const { name, record } = await findEntry(await openDirectories(options), reference)
  return record && { name, uuid: record.uuid, id: record.pid, alreadyRunning: true }
}

function startFacts({ name, uuid, restored }: StartedDomain): ActFacts {
  return restored === undefined ? { domain: name, uuid, mode: 'boot' } : restoreFacts(restored)
}

async function start(reference: string, options: StartOptions, act: Act): Promise<StartedDomain> {
  const started = await startHeld(reference, options, act)
  if (!('copy' in started)) return started
  // As any image: it stays, and restoring takes the lock.
  const restored = await restoreImage(started.copy, resumeOptions(options), { act })
  return { name: restored.name, uuid: restored.uuid, id: restored.id, restored }
}

function resumeOptions({ paused, ...rest }: StartOptions): RestoreOptions {
  return { ...rest, resumeAs: paused === true ? 'paused' : undefined }
}

/** Starts the domain, or returns the safety copy from which it is to be restored. */
async function startHeld(
  reference: string,
  options: StartOptions,
  act: Act,
): Promise<StartedDomain | { readonly copy: string }> {
  await using held = await HeldDomain.find(reference, 'start', options)
  act.on(held.name, held.record?.uuid)
  held.requireOff()
  const { name, paths, directories } = held
  const text = await readDefinition(directories, name)
  if (text === undefined)
    throw new DomainError('DOMAIN_NOT_FOUND', `Domain '${name}' is not defined`)
  let isAside = false
  if (options.forceBoot !== true && (await hasManagedImage(paths))) {
    try {
      return await startManagedSave(held, options, act)
    } catch (error) {
      if (options.stale !== 'boot' || !StasisError.is(error, 'IMAGE_STALE')) throw error
      isAside = true
      const aside = await setAsideManagedImage(directories, paths)
      options.onWarning?.(`${messageOf(error.cause ?? error)}. It is now ${aside.path}`)
      for (const text of aside.warnings) options.onWarning?.(text)
    }
  }
  if (options.forceBoot === true) await checkRemovable(directories, paths)
  const copy = await considerCopy(held)
  if (copy?.use === true && options.forceBoot !== true) return { copy: paths.safetyCopy }
  if (copy?.use === false) options.onWarning?.(copy.reason)
  const lost = isAside ? undefined : await lostManagedSave(held)
  if (lost !== undefined) options.onWarning?.(lost)
  if (held.whereSaved !== undefined)
    options.onWarning?.(`domain '${name}' boots from its disks. ${held.whereSaved}`)
  const source = options.newGenid === true ? withNewGenid({ text }) : { text }
  const prepared = await prepareMachine(source, directories, { ...options, occasion: 'start' })
  await checkRunningIdentity(directories, { name, uuid: prepared.uuid })
  const beforeRun = async (): Promise<void> => {
    // Both must never exist.
    if (options.forceBoot === true && (await hasManagedImage(paths)))
      for (const warning of await removeManagedImage(directories, paths))
        options.onWarning?.(warning)
  }
  await act.before({}, options.signal)
  const id = await bootMachine(held, prepared, { ...options, beforeRun })
  return { name, uuid: prepared.uuid, id }
}

async function startManagedSave(
  held: HeldDomain,
  options: StartOptions,
  act: Act,
): Promise<StartedDomain> {
  const restored = await restoreImage(held.paths.managedSave, resumeOptions(options), {
    managedSave: held,
    act,
  }).catch(async (error: unknown) => {
    throw await managedStartFailure(held, error)
  })
  return { name: restored.name, uuid: restored.uuid, id: restored.id, restored }
}

/** A warning when the managed save of a domain was removed by something other than Stasis: its memory is lost then. */
async function lostManagedSave({ name, paths }: HeldDomain): Promise<string | undefined> {
  const end = await readLastEnd(paths)
  if (end?.image !== paths.managedSave || (await hasManagedImage(paths))) return undefined
  return `domain '${name}' boots anew: its managed save of ${end.time}, ${paths.managedSave}, is gone, though Stasis did not remove it`
}
