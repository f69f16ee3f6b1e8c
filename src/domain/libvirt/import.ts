import { StasisError, throwIfCancelled } from '../../errors.ts'
import { openDirectories } from '../store/directories.ts'
import { checkOptions, checkReferences } from '../store/check-options.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { findEntry } from '../catalogue/catalogue.ts'
import { filesSource } from './files-source.ts'
import { planImport } from './import-plan.ts'
import type { ImportOptions, ImportOutcome } from './import-options.ts'
import { connectionOf, libvirtPlaces } from './places.ts'
import { type LibvirtDomain, type LibvirtSource } from './source.ts'
import { takeOver } from './take-over.ts'
import { virshSource } from './virsh-source.ts'

/**
 * Takes domains over from libvirt: definition, UEFI variable store, TPM, autostart, and on request the managed save. Disks stay where they
 * are. Nothing of libvirt's changes, except for a managed save that is moved. Without names: all domains that it defines. A domain that cannot be
 * imported is not an error: its outcome says so, and nothing of it is left here.
 * @throws StorageError, QemuError when libvirt's definitions cannot be read; CancelledError
 * @example
 * for (const { name, outcome, error } of await importDomains(['web'], { managedSave: 'move' }))
 *   console.log(name, outcome, error?.message)
 */
export async function importDomains(
  names: readonly string[] | undefined,
  options: ImportOptions = {},
): Promise<readonly ImportOutcome[]> {
  checkOptions(options, {
    libvirt: ['system', 'session'],
    managedSave: ['move', 'copy', 'leave'],
  })
  if (names !== undefined) checkReferences(names)
  const { source, places } = sourceOf(options)
  const outcomes: ImportOutcome[] = []
  for (const name of names ?? (await source.names())) {
    throwIfCancelled('import domains', options.signal)
    const outcome = await importOne(name, { source, places }, options)
    options.onDomain?.(outcome)
    outcomes.push(outcome)
  }
  return outcomes
}

type Context = ReturnType<typeof sourceOf>

function sourceOf(options: ImportOptions) {
  const { virshUri, libvirtRoot: root, signal } = options
  const places = libvirtPlaces(connectionOf(options), { root })
  const source: LibvirtSource =
    virshUri === undefined ? filesSource(places) : virshSource(virshUri, places, { signal })
  return { source, places }
}

async function importOne(
  name: string,
  { source, places }: Context,
  options: ImportOptions,
): Promise<ImportOutcome> {
  try {
    const found = await source.read(name)
    if (options.dryRun === true) return await described(found, { source, places }, options)
    await using held = await HeldDomain.named(name, 'import', options)
    held.requireOff()
    const { directories } = held
    const plan = await planImport(found, { source, places, directories }, options)
    const { uuid } = plan.prepared
    if (plan.unchanged) return { name, outcome: 'unchanged', uuid }
    const { tpm } = await takeOver(held, plan, { found, source, places, options })
    if (tpm !== undefined) options.onWarning?.(`the TPM of '${name}' was copied from ${tpm}`)
    return { ...factsOf(plan), outcome: 'imported', left: leftThere(found, plan.managedSave?.how) }
  } catch (error) {
    if (!(error instanceof StasisError) || options.signal?.aborted === true) throw error
    return { name, outcome: 'not imported', error }
  }
}

async function described(
  found: LibvirtDomain,
  { source, places }: Context,
  options: ImportOptions,
): Promise<ImportOutcome> {
  const directories = await openDirectories(options)
  const entry = await findEntry(directories, found.name).catch((error: unknown) => {
    if (StasisError.is(error, 'DOMAIN_NOT_FOUND')) return undefined
    throw error
  })
  if (entry?.record !== undefined) {
    await using held = await HeldDomain.look(found.name, 'import', options)
    held.requireOff()
  }
  const plan = await planImport(found, { source, places, directories }, options)
  return { ...factsOf(plan), outcome: plan.unchanged ? 'unchanged' : 'would be imported' }
}

type Plan = Awaited<ReturnType<typeof planImport>>

function factsOf({ name, prepared, nvram, managedSave, autostart }: Plan) {
  return {
    name,
    uuid: prepared.uuid,
    autostart,
    ...(nvram !== undefined && { nvram: nvram.to }),
    ...(managedSave !== undefined && { managedSave: DONE[managedSave.how] }),
  }
}

const DONE = { move: 'moved', copy: 'copied' } as const

/** Both sides know the domain now. QEMU's locks prevent two QEMUs on one disk, but nothing prevents libvirt from starting it first. */
function leftThere(
  { name, autostart, managedSave }: LibvirtDomain,
  how: 'move' | 'copy' | undefined,
): readonly string[] {
  return [
    ...(managedSave !== undefined && how !== 'move'
      ? [
          `libvirt still has the managed save of '${name}', which fits its disks only until it runs here: \`virsh managedsave-remove ${name}\``,
        ]
      : []),
    ...(autostart
      ? [`libvirt still starts '${name}' with the host: \`virsh autostart --disable ${name}\``]
      : []),
    `libvirt still defines '${name}': \`virsh undefine --keep-nvram ${name}\` when it is to be only here`,
  ]
}
