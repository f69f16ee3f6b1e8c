import { type DiskLayer, localPath } from '../../qemu/domain-xml/model/storage/disk-source.ts'
import { DomainError } from '../../errors.ts'
import { openFilesOf } from '../../qemu/process/open-files.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { liveDomain } from '../catalogue/live-domain.ts'
import { keyOf } from '../catalogue/files/guest-files.ts'
import { besidesDisks, unusableFiles } from '../catalogue/files/needed-files.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import type { RuntimeRecord } from '../store/runtime-record.ts'

/** A file that QEMU has open and that a restore would not find under its name. */
export interface LostFile {
  readonly path: string
  /** `gone`: no file has this name now; `replaced`: another file has it. */
  readonly how: 'gone' | 'replaced'
  /** The medium of a CD-ROM or floppy drive, which a restore does not need. */
  readonly removable: boolean
}

/** The drivers of block nodes whose `file` is a path of this host (QEMU qapi/block-core.json, BlockdevDriver). */
const FILE_DRIVERS: ReadonlySet<string> = new Set(['file', 'host_device', 'host_cdrom'])

/**
 * Compares the files of QEMU's block nodes, including backing files, with the present files of these names. Only the running QEMU can still access a
 * file that was removed or replaced: once it ends, such a file is lost, and the image fits no disk.
 * @throws QemuError, StorageError
 */
export async function lostFiles(
  control: QmpConnection,
  paths: RuntimePaths,
  record: RuntimeRecord,
): Promise<readonly LostFile[]> {
  const nodes = await control.execute('query-named-block-nodes', { flat: true })
  const media = await removableMedia(paths)
  const open = await openFilesOf(record.pid)
  const found = new Map<string, LostFile>()
  for (const { drv, file } of nodes) {
    // A file that a program passed by descriptor has no name of its own (/dev/fdset/N).
    if (!FILE_DRIVERS.has(drv) || !file.startsWith('/') || file.startsWith('/dev/fdset/')) continue
    const now = await keyOf(file)
    if (now !== undefined && open.some(({ key }) => key === now.key)) continue
    const how = now === undefined ? 'gone' : 'replaced'
    found.set(file, { path: file, how, removable: media.has(file) })
  }
  return [...found.values()]
}

/** Describes a lost file in one sentence. */
export function lostFileText({ path, how }: LostFile): string {
  return how === 'gone'
    ? `${path} was removed while the domain is running`
    : `${path} is no longer the file that the domain uses`
}

/**
 * Refuses to save a domain whose disks a restore would not find.
 * @throws DomainError DOMAIN_WRONG_STATE with the file; QemuError, StorageError
 */
export async function checkDisks(
  name: string,
  control: QmpConnection,
  paths: RuntimePaths,
  record: RuntimeRecord,
): Promise<void> {
  const { disks } = await liveDomain(paths)
  const transient = disks.find((disk) => disk.transient)
  if (transient !== undefined)
    throw new DomainError(
      'DOMAIN_WRONG_STATE',
      `Domain '${name}' cannot be saved: its disk ${transient.target} is transient, and the writes of the guest to it end with the domain`,
      {
        operation: 'save',
        hint: 'Shut the guest down instead. A domain whose disks are not <transient/> can be saved',
      },
    )
  const lost = (await lostFiles(control, paths, record)).find(({ removable }) => !removable)
  if (lost === undefined) return
  throw new DomainError(
    'DOMAIN_WRONG_STATE',
    `Domain '${name}' cannot be saved: ${lostFileText(lost)}`,
    {
      operation: 'save',
      path: lost.path,
      hint: 'Only the running QEMU still has this disk. Copy its content from inside the guest before you end the domain',
    },
  )
}

/** What a restore would miss besides disks, one sentence each: a running guest does not need the name of a file that its QEMU has open. */
export async function missingAtRestore(domain: Domain): Promise<readonly string[]> {
  const unusable = await unusableFiles(besidesDisks(domain))
  return unusable.map(({ text }) => `a restore will fail unless this is put right: ${text}`)
}

async function removableMedia(paths: RuntimePaths): Promise<ReadonlySet<string>> {
  const { disks } = await liveDomain(paths)
  return new Set(
    disks
      .flatMap(({ device, source }) =>
        device === 'cdrom' || device === 'floppy' ? [pathOf(source)] : [],
      )
      .filter((path) => path !== undefined),
  )
}

function pathOf(layer: DiskLayer | undefined): string | undefined {
  return layer === undefined ? undefined : localPath(layer)
}
