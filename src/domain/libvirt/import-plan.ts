import { extname, join } from 'node:path'
import { DomainError, ImageError, StorageError } from '../../errors.ts'
import { readDescription } from '../../image/open-image.ts'
import type { MachineDescription } from '../../image/saved-machine.ts'
import { isReachable } from '../../io/files/file-names.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { checkIdentity } from '../catalogue/identity.ts'
import { admitDefinition } from '../lifecycle/define.ts'
import { type PreparedMachine, prepareMachine } from '../machine/prepare-machine.ts'
import { readDefinition } from '../store/definitions.ts'
import { type Directories, nvramDirectory } from '../store/directories.ts'
import {
  type DiskIdentity,
  changedAfter,
  identifyDisks,
  writableDisks,
} from '../store/disks/disk-identity.ts'
import { hasManagedImage, refuseManagedImage } from '../store/saves/managed-image.ts'
import { type RuntimePaths, runtimePaths } from '../store/runtime-paths.ts'
import { imageId } from '../store/saves/image-history.ts'
import type { ImportOptions } from './import-options.ts'
import { requireChoice } from './managed-save-choice.ts'
import { nvramPathIn, withNvramPath } from './nvram-path.ts'
import type { LibvirtPlaces } from './places.ts'
import { type LibvirtDomain, type LibvirtSource } from './source.ts'

/** A managed save that is taken over. */
export interface SaveToTake {
  readonly path: string
  readonly how: 'move' | 'copy'
  /** Its new description. */
  readonly description: MachineDescription
  /** The disks as they were before it was copied. */
  readonly disks: readonly DiskIdentity[]
}

/** The steps of an import of one domain. */
export interface ImportPlan {
  readonly name: string
  readonly prepared: PreparedMachine
  /** Nothing: the same definition is here. */
  readonly unchanged: boolean
  readonly nvram: { readonly from: string; readonly to: string } | undefined
  readonly managedSave: SaveToTake | undefined
  readonly autostart: boolean
}

/**
 * Looks at everything that an import depends on, and changes nothing.
 * @throws DomainError DOMAIN_RUNNING, DOMAIN_EXISTS, DOMAIN_HAS_MANAGED_SAVE; ImageError IMAGE_STALE; DomainXmlError, QemuError, StorageError
 */
export async function planImport(
  found: LibvirtDomain,
  context: {
    readonly source: LibvirtSource
    readonly places: LibvirtPlaces
    readonly directories: Directories
  },
  options: ImportOptions,
): Promise<ImportPlan> {
  const { name } = found
  const { source, places, directories } = context
  await refuseRunning(found, source)
  const nvram = nvramToTake(found, places, directories)
  const text = withNvramPath(found.xml, nvram?.to)
  const look = options.dryRun === true
  const prepared = await prepareMachine({ text, path: found.path }, directories, {
    ...options,
    look,
    admit: (draft) => admitDefinition(draft, options),
  })
  if (prepared.domain.name !== name)
    throw new StorageError('STATE_UNREADABLE', `${found.path ?? name} defines another domain`, {
      path: found.path,
    })
  await checkIdentity(directories, { name, uuid: prepared.uuid })
  const paths = runtimePaths(directories, name)
  const present = await readDefinition(directories, name)
  const choice =
    found.managedSave === undefined
      ? 'leave'
      : requireChoice(options.managedSave, {
          name,
          image: found.managedSave.path,
          holder: 'libvirt',
        })
  const takes = choice === 'leave' ? undefined : choice
  const unchanged = present === prepared.xml && takes === undefined
  if (present !== undefined && !unchanged && options.replace !== true) {
    throw new DomainError('DOMAIN_EXISTS', `Domain '${name}' is already defined here`, {
      hint: `--replace takes libvirt's definition in its place`,
    })
  }
  const ours = !unchanged && (await hasManagedImage(paths))
  if (ours && present !== undefined) await refuseManagedImage(name, paths, 'imported', undefined)
  const managedSave =
    takes === undefined ? undefined : await saveToTake(found, takes, nvram?.to, options)
  if (ours && !(await isSameImage(paths.managedSave, managedSave))) throw strayImage(name, paths)
  const copies = nvram !== undefined && !unchanged && (await isReachable(nvram.from))
  return {
    name,
    prepared,
    unchanged,
    nvram: copies ? nvram : undefined,
    managedSave,
    autostart: found.autostart,
  }
}

/** @throws DomainError DOMAIN_RUNNING */
export async function refuseRunning(found: LibvirtDomain, source: LibvirtSource): Promise<void> {
  const why = await source.runs(found)
  if (why === undefined) return
  throw new DomainError('DOMAIN_RUNNING', `Domain '${found.name}' runs: ${why}`, {
    hint: `Two QEMUs on the same disks would destroy them. End it first: \`virsh managedsave ${found.name}\` keeps its memory, and --managed-save move takes that over`,
  })
}

/** Whether a killed import of the same managed save left an image without a domain. */
async function isSameImage(path: string, save: SaveToTake | undefined): Promise<boolean> {
  const old = await readDescription(path).catch(() => undefined)
  return old !== undefined && save !== undefined && imageId(old) === imageId(save.description)
}

function strayImage(name: string, { managedSave: path }: RuntimePaths): DomainError {
  return new DomainError(
    'DOMAIN_HAS_MANAGED_SAVE',
    `${path} is a managed save of '${name}', which is not defined here`,
    { path, hint: 'Move the file away first; `stasis image-info` shows what it is' },
  )
}

/** A variable store in libvirt's own directory. One elsewhere is used where it is, as the disks are. */
function nvramToTake(
  { name, xml }: LibvirtDomain,
  places: LibvirtPlaces,
  { stateDir }: Directories,
): ImportPlan['nvram'] {
  const path = nvramPathIn(xml)
  if (path === undefined) return undefined
  const from = join(places.root, path)
  if (!from.startsWith(`${places.nvram}/`)) return undefined
  return { from, to: join(nvramDirectory(stateDir), `${name}_VARS${extname(path)}`) }
}

async function saveToTake(
  { name, managedSave }: LibvirtDomain,
  how: 'move' | 'copy',
  nvram: string | undefined,
  options: ImportOptions,
): Promise<SaveToTake> {
  const path = managedSave?.path
  if (path === undefined) {
    throw new StorageError('NO_PERMISSION', `The managed save of domain '${name}' cannot be read`, {
      hint: 'Run this as root',
    })
  }
  const old = await readDescription(path)
  const description = { ...old, xml: withNvramPath(old.xml, nvram) }
  const { domain } = readDomain(parseDomainXml(description.xml), { tolerant: true })
  const places = writableDisks(domain)
  const later = options.force === true ? undefined : await changedAfter(places, path)
  if (later !== undefined) {
    throw new ImageError('IMAGE_STALE', `${path} is older than its disks: ${later}`, {
      path,
      hint: 'Memory and disks would not match, and the guest would damage its file systems. If you know that they match, use --force. --managed-save leave imports the domain without it',
    })
  }
  return { path, how, description, disks: await identifyDisks(places) }
}
