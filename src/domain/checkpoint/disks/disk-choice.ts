import { dirname, extname, join, basename, resolve } from 'node:path'
import { DomainError, StorageError, UsageError } from '../../../errors.ts'
import { isThere } from '../../../io/files/file-names.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import type { Disk } from '../../../qemu/domain-xml/model/storage/disk.ts'
import type { CheckpointDisk, DiskOverlay } from '../../store/checkpoints/disk-overlay.ts'

/** What a checkpoint does with a disk. */
export interface DiskRequest {
  /** Its name in the guest, or its file. */
  readonly disk: string
  /** `no`: it is not part of the checkpoint, and what the guest writes to it later is not undone. */
  readonly snapshot?: 'no' | 'external' | undefined
  /** The overlay to make. Default: beside the disk. */
  readonly file?: string | undefined
}

/** The disks of a checkpoint. */
export interface DiskChoice {
  readonly disks: readonly CheckpointDisk[]
  /** The overlay for each of them, in the same order. */
  readonly overlays: readonly DiskOverlay[]
  readonly skipped: readonly { readonly target: string; readonly reason: string }[]
}

/**
 * Chooses the disks of which a checkpoint keeps the content, and the files that the guest writes to from then on.
 * @throws DomainError DOMAIN_WRONG_STATE with the disk that cannot be part of a checkpoint; StorageError FILE_EXISTS; UsageError for a request about no disk
 */
export async function chooseDisks(
  domain: Domain,
  checkpoint: string,
  requests: readonly DiskRequest[] = [],
): Promise<DiskChoice> {
  const disks: CheckpointDisk[] = []
  const overlays: DiskOverlay[] = []
  const skipped: { readonly target: string; readonly reason: string }[] = []
  const taken = new Set<string>()
  for (const request of requests)
    if (!domain.disks.some((disk) => isMeant(request, disk)))
      throw new UsageError('BAD_ARGUMENT', `Domain '${domain.name}' has no disk '${request.disk}'`)
  for (const disk of domain.disks) {
    const { target, source } = disk
    const request = requests.find((one) => isMeant(one, disk))
    const reason = reasonToSkip(disk, request)
    if (reason !== undefined) {
      skipped.push({ target, reason })
      continue
    }
    const obstacle = obstacleOf(disk, request)
    if (obstacle !== undefined || source === undefined || !('path' in source))
      throw new DomainError(
        'DOMAIN_WRONG_STATE',
        `The disk ${target} of domain '${domain.name}' cannot be part of a checkpoint: ${obstacle ?? 'it is not a file'}`,
        { hint: `To leave it as it is: --diskspec ${target},snapshot=no` },
      )
    const path =
      request?.file === undefined
        ? await freeName(source.path, checkpoint, taken)
        : await newFile(resolve(request.file), taken)
    taken.add(path)
    disks.push({ target, path: source.path, format: source.format })
    overlays.push({ target, path, backing: source.path, backingFormat: source.format })
  }
  return { disks, overlays, skipped }
}

/** A file that Stasis makes is one that it may remove, so it must not exist before. @throws StorageError FILE_EXISTS, UsageError */
async function newFile(path: string, taken: ReadonlySet<string>): Promise<string> {
  if (taken.has(path))
    throw new UsageError('BAD_ARGUMENT', `Two disks cannot have the same overlay ${path}`)
  const operation = 'make a disk overlay'
  if (await isThere(path))
    throw new StorageError('FILE_EXISTS', `Could not ${operation}: ${path} already exists`, {
      operation,
      path,
      hint: 'Name a file that does not exist',
    })
  return path
}

function isMeant({ disk: name }: DiskRequest, { target, source }: Disk): boolean {
  return name === target || (source !== undefined && 'path' in source && source.path === name)
}

function reasonToSkip(disk: Disk, request: DiskRequest | undefined): string | undefined {
  if (disk.source === undefined && disk.vhostUser === undefined) return 'it has no medium'
  if (disk.readonly || disk.device === 'cdrom') return 'it is read-only'
  return request?.snapshot === 'no' ? 'as requested' : undefined
}

function obstacleOf(disk: Disk, request: DiskRequest | undefined): string | undefined {
  const { source } = disk
  if (disk.vhostUser !== undefined) return 'another process is the disk'
  if (disk.transient) return 'it is transient'
  if (disk.shareable) return 'other domains may write to it'
  if (disk.device === 'floppy') return 'it is a floppy'
  if (disk.device === 'lun') return 'the guest sends SCSI commands to it'
  if (source === undefined) return undefined
  if (source.type === 'block' && request?.file === undefined)
    return 'it is a block device, so there is no place beside it for an overlay; --diskspec names one'
  if (source.type !== 'file' && source.type !== 'block')
    return `its source is of type ${source.type}`
  if (source.encryption !== undefined) return 'it is encrypted'
  if (source.dataStore !== undefined) return 'its data is in another file'
  if (source.slice !== undefined) return 'it is a part of a file'
  if (source.format !== 'raw' && source.format !== 'qcow2') return `its format is ${source.format}`
  return undefined
}

/** As libvirt names overlays: the suffix of the file is replaced. With a number where that name is taken. */
export async function freeName(
  path: string,
  checkpoint: string,
  taken: ReadonlySet<string> = new Set(),
): Promise<string> {
  const stem = join(dirname(path), basename(path, extname(path)))
  for (let number = 1; ; number += 1) {
    const name = `${stem}.${checkpoint}${number === 1 ? '' : `-${number}`}`
    if (name !== path && !taken.has(name) && !(await isThere(name))) return name
  }
}
