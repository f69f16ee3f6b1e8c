import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StorageError, messageOf } from '../../errors.ts'
import { copyImage } from '../../image/replace-description.ts'
import { removeImage } from '../../image/remove-image.ts'
import { copyFileDurably } from '../../io/files/copy-file.ts'
import { makeDirectory } from '../../io/files/directory.ts'
import { isThere, removeFile } from '../../io/files/file-names.ts'
import { syncDirectory } from '../../io/files/partial-file.ts'
import { markAutostart } from '../catalogue/autostart.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { descriptionDigest } from '../cookie/description-digest.ts'
import { importTpm } from '../machine/launch/tpm-state.ts'
import { writeDefinition } from '../store/definitions.ts'
import { rememberNetworks } from '../store/host/known-networks.ts'
import { imageId, removeHistory, writeHistory } from '../store/saves/image-history.ts'
import { recordEnd } from '../store/last-end.ts'
import { type ImportPlan, type SaveToTake, refuseRunning } from './import-plan.ts'
import type { ImportOptions } from './import-options.ts'
import type { LibvirtPlaces } from './places.ts'
import type { LibvirtDomain, LibvirtSource } from './source.ts'

/** The context of an import. */
export interface Taking {
  readonly found: LibvirtDomain
  readonly source: LibvirtSource
  readonly places: LibvirtPlaces
  readonly options: ImportOptions
}

/**
 * Carries out a plan. The definition comes last: until then nothing exists here that a command would use, and new files are removed after a
 * failure. Only then does libvirt lose a managed save that moves. Returns the TPM that was copied.
 * @throws DomainError DOMAIN_RUNNING if libvirt has started the domain meanwhile; StorageError and others
 */
export async function takeOver(
  held: HeldDomain,
  plan: ImportPlan,
  { found, source, places, options }: Taking,
): Promise<{ readonly tpm: string | undefined }> {
  const { directories, paths } = held
  const { managedSave, nvram, prepared } = plan
  await using made = new AsyncDisposableStack()
  if (managedSave !== undefined) {
    await makeDirectory(dirname(paths.managedSave))
    made.defer(async () => {
      await removeImage(paths.managedSave)
      await removeHistory(directories, managedSave.description)
    })
    await copyUnchanged(managedSave, paths.managedSave)
    await writeHistory(directories, imageId(managedSave.description), {
      path: paths.managedSave,
      disks: managedSave.disks,
      descriptions: [descriptionDigest(managedSave.description)],
    })
  }
  if (nvram !== undefined) {
    if (!(await isThere(nvram.to))) made.defer(async () => removeFile(nvram.to))
    await copyFileDurably(nvram.from, nvram.to)
  }
  const tpm = await importTpm(prepared.domain, directories.stateDir, places.tpm)
  // It may have been started while we copied.
  await refuseRunning(found, source)
  await rememberNetworks(directories, options.networks ?? {})
  await writeDefinition(directories, held.name, prepared.xml)
  made.move()
  // The domain is here. Later failures are reported, and nothing is undone.
  const forward = async (what: string, act: () => Promise<void>): Promise<void> => {
    await act().catch((error: unknown) => {
      options.onWarning?.(`${what}: ${messageOf(error)}`)
    })
  }
  if (found.autostart)
    await forward(`'${held.name}' does not start with the host`, async () =>
      markAutostart(directories, held.name),
    )
  if (managedSave !== undefined) await recordEnd(paths, 'saved', { image: paths.managedSave })
  if (managedSave?.how === 'move') {
    const { path } = managedSave
    await forward(`libvirt still has ${path}: remove it before libvirt uses it`, async () => {
      await removeFile(path)
      await syncDirectory(dirname(path))
    })
  }
  return { tpm }
}

/** @throws StorageError when libvirt has used or replaced the image meanwhile */
async function copyUnchanged({ path, description }: SaveToTake, to: string): Promise<void> {
  const before = await factsOf(path)
  await copyImage(path, to, description)
  if ((await factsOf(path)) === before) return
  throw new StorageError('IO_ERROR', `${path} has changed while it was copied`, {
    path,
    hint: 'libvirt may have started or saved the domain: look with `virsh domstate`, then try again',
  })
}

async function factsOf(path: string): Promise<string> {
  const facts = await stat(path, { bigint: true }).catch(() => undefined)
  return facts === undefined ? '' : [facts.dev, facts.ino, facts.size, facts.mtimeNs].join(' ')
}
