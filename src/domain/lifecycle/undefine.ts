import { dirname } from 'node:path'
import { DomainError, messageOf } from '../../errors.ts'
import { storageError } from '../../io/storage-error.ts'
import { isThere, removeFile } from '../../io/files/file-names.ts'
import { removeTree } from '../../io/files/directory.ts'
import { emulatedTpm } from '../../qemu/command-line/devices/tpm.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { autostartPath } from '../catalogue/autostart.ts'
import { checkpointsDirectory } from '../store/checkpoints/checkpoint-directory.ts'
import { refuseCheckpoints } from '../store/checkpoints/refuse-checkpoints.ts'
import { readDefinition, removeDefinition } from '../store/definitions.ts'
import type { DomainOptions, WarningOptions } from '../store/domain-options.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { checkRemovable } from '../store/saves/own-managed-image.ts'
import {
  hasUsableManagedSave,
  refuseManagedImage,
  refuseSafetyCopy,
} from '../store/saves/managed-image.ts'
import { removeManagedImage, removeSafetyCopy } from '../store/saves/remove-managed-image.ts'
import { requireSaves } from '../store/saves/save-directory.ts'
import { tpmDirectory } from '../machine/launch/tpm-state.ts'
import { orderPath } from '../store/saves/page-order-file.ts'

/** How to undefine a domain. */
export interface UndefineOptions extends DomainOptions, WarningOptions {
  /** Also delete its managed save, and its safety copy. */
  readonly managedSave?: boolean | undefined
  /** Also delete the state of its TPM, unless its guest runs. Without this it stays for a domain with the same UUID. */
  readonly tpm?: boolean | undefined
  /** Also forget its checkpoints, and delete their memory. The files of its disks stay. */
  readonly checkpoints?: boolean | undefined
  /** Whether to delete the variables of its UEFI firmware. A domain that has such a file is refused without this. */
  readonly nvram?: boolean | undefined
}

/**
 * Removes the definition of a domain, given by name, UUID or id. A running domain keeps running, and is gone when it ends.
 * @throws DomainError DOMAIN_HAS_MANAGED_SAVE, DOMAIN_HAS_CHECKPOINTS unless they are to be deleted; DOMAIN_WRONG_STATE unless `nvram` is given where it is needed; DOMAIN_NOT_FOUND, DOMAIN_BUSY; StorageError
 * @example
 * await undefineDomain('web', { managedSave: true })
 */
export async function undefineDomain(
  reference: string,
  options: UndefineOptions = {},
): Promise<{ readonly name: string }> {
  await using domain = await HeldDomain.find(reference, 'undefine', options)
  const { name, paths, directories } = domain
  const definition = await readDefinition(directories, name)
  if (definition === undefined) {
    throw new DomainError('DOMAIN_NOT_FOUND', `Domain '${name}' is not defined: it only runs`, {
      hint: `It disappears when its guest shuts down: \`stasis shutdown ${name}\``,
    })
  }
  await requireSaves(directories)
  const machine = readDomain(parseDomainXml(definition), { tolerant: true }).domain
  const tpm = options.tpm === true ? ownTpm(machine, directories.stateDir) : undefined
  const nvram = await variablesToRemove(domain, machine, options.nvram)
  if (options.managedSave !== true) {
    await refuseManagedImage(name, paths, 'undefined', '--managed-save')
    await refuseSafetyCopy(name, paths, 'undefined', '--managed-save')
  } else await checkRemovable(directories, paths)
  if (options.checkpoints !== true)
    await refuseCheckpoints(directories, name, 'undefined', CHECKPOINTS_HINT)
  // The image is removed last: an image without a domain does no harm, a domain without its image has lost its state.
  const unsure = await removeDefinition(directories, name)
  const warn = (text: string): void => options.onWarning?.(text)
  if (unsure !== undefined) warn(unsure)
  const stays = (error: unknown): void => warn(messageOf(error))
  if (options.managedSave === true && (await hasUsableManagedSave(domain)))
    await removeManagedImage(directories, paths).then((texts) => texts.forEach(warn), stays)
  if (options.checkpoints === true)
    await removeTree(checkpointsDirectory(directories, name)).catch((error: unknown) =>
      stays(storageError('remove the checkpoints', name, error)),
    )
  if (options.managedSave === true) await removeSafetyCopy(directories, paths, warn).catch(stays)
  const hints = [paths.lastEnd, paths.lastJob, orderPath(directories, paths.managedSave)]
  if (tpm !== undefined && domain.record === undefined)
    await removeTree(tpm).catch((error: unknown) =>
      stays(storageError('remove the TPM', tpm, error)),
    )
  if (nvram !== undefined) await removeFile(nvram).catch(stays)
  // The domain is undefined. Leftovers mislead nobody.
  for (const path of [autostartPath(directories, name), ...hints])
    await removeFile(path).catch(() => undefined)
  return { name }
}

const CHECKPOINTS_HINT =
  '`stasis checkpoint-delete` merges the disks. `--checkpoints-metadata` forgets the checkpoints; then the disks stay as they are'

/** The state of the domain's TPM that this program keeps: a directory that the XML names is the user's. */
function ownTpm(machine: Domain, stateDir: string): string | undefined {
  if (emulatedTpm(machine)?.stateDirectory !== undefined) return undefined
  const directory = tpmDirectory(machine, stateDir)
  return directory && dirname(directory)
}

/** The file with the variables of its UEFI firmware, if it is to be deleted. @throws DomainError */
async function variablesToRemove(
  { name, record }: HeldDomain,
  { os }: Domain,
  remove: boolean | undefined,
): Promise<string | undefined> {
  const path = os.nvram?.path
  if (path === undefined || remove === false || !(await isThere(path))) return undefined
  if (remove === undefined) {
    throw new DomainError(
      'DOMAIN_WRONG_STATE',
      `Domain '${name}' has a file with the variables of its firmware, so it cannot be undefined without a choice for that file`,
      { path, hint: '`--nvram` deletes it, `--keep-nvram` keeps it for a domain that names it' },
    )
  }
  if (record === undefined) return path
  throw new DomainError(
    'DOMAIN_RUNNING',
    `Domain '${name}' runs and uses the variables of its firmware, so they cannot be deleted`,
    { path, hint: `Stop it first (\`stasis shutdown ${name}\`), or use --keep-nvram` },
  )
}
